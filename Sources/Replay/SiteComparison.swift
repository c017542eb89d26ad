public import Machine

/// Lets two replayed guests run from equal states, and stops both at instructions whose results no
/// policy controls, to give the second guest the first one's results.
///
/// Each instruction is trapped by a HLT written over its first byte. INT3 would be the usual choice,
/// but PVM's emulator refuses it and kvm-amd in QEMU's TCG does not hand it out; HLT exits everywhere, in
/// kernel mode.
/// At a trap the guest's byte is put back, the instruction executed, and the HLT written again.
/// When the run ends no HLT is left in RAM, so that memory can be compared.
public struct SiteComparison<CPU: Processor> {
  /// How it ended.
  public enum Outcome: Equatable, Sendable {
    /// Both made the same exit with equal registers.
    case sameExit
    /// One was trapped where the other was not, registers differ, or exits do.
    case parted
    /// It took too long: one clause.
    case limit(String)
    /// A guest could not be run on: one clause.
    case blocked(String)
  }

  /// A site at which both guests were trapped.
  public struct Hit: Equatable, Sendable {
    /// The site.
    public var site: UncontrolledSite
    /// How often both executed it.
    public var count: UInt64
  }

  /// What was seen.
  public struct Finding: Sendable {
    /// How it ended.
    public var outcome: Outcome
    /// Sites that were executed, in the order of the first time; their addresses are where RIP was.
    public var hits: [Hit] = []
    /// The exit the first guest made at the end, if it made one.
    public var exit: ExitReason?
  }

  /// How often both guests are stopped at most.
  public static var hitLimit: UInt64 { 100_000 }

  private let a: TrappedGuest<CPU>
  private let b: TrappedGuest<CPU>
  private let sites: [UncontrolledSite]

  /// - Parameters:
  ///   - a: a replayer whose range has ended between two instructions.
  ///   - b: likewise, the guest's registers equal to `a`'s and the sites' bytes too.
  public init(_ a: Replayer<CPU>, _ b: Replayer<CPU>, sites: [UncontrolledSite]) {
    self.a = TrappedGuest(a)
    self.b = TrappedGuest(b)
    self.sites = sites
  }

  /// Runs both to the exit they make next, trapped at all sites.
  ///
  /// - Parameters:
  ///   - forced: whether the second guest gets the first one's registers behind an instruction. Where
  ///     each keeps its own, registers may differ from there on and are compared at the end alone.
  ///   - limit: host nanoseconds each may run.
  /// - Throws: ``ReplayError`` when a processor fails.
  public func run(
    limitNanoseconds limit: UInt64, forcing forced: (UncontrolledSite) -> Bool
  ) throws(ReplayError) -> Finding {
    guard a.canBeTrapped, b.canBeTrapped else {
      return Finding(
        outcome: .blocked("this host's KVM cannot trap instructions and step over them"))
    }
    defer {
      a.removeTraps()
      b.removeTraps()
    }
    a.plant(sites)
    b.plant(sites)
    return try lockstep(limit, forced)
  }

  private func lockstep(
    _ limit: UInt64, _ forced: (UncontrolledSite) -> Bool
  ) throws(ReplayError) -> Finding {
    var finding = Finding(outcome: .parted)
    var places: [UInt64: Int] = [:]
    var isAllForced = true
    var count: UInt64 = 0
    while true {
      let stops = (a: try a.run(limitNanoseconds: limit), b: try b.run(limitNanoseconds: limit))
      let isEqual = InstructionComparison<CPU>.agree(a.registers, b.registers)
      switch stops {
      case (.limit(let clause), _), (_, .limit(let clause)):
        finding.outcome = .limit(clause)
        return finding
      case (.guestExit(let first), .guestExit(let second)):
        finding.exit = first
        if first == second, isEqual { finding.outcome = .sameExit }
        return finding
      case (.trap(let site), .trap(let other)) where site == other && (isEqual || !isAllForced):
        if let place = places[site.physicalAddress] {
          finding.hits[place].count += 1
        } else {
          places[site.physicalAddress] = finding.hits.count
          finding.hits.append(Hit(site: site, count: 1))
        }
        guard try a.stepOver(site), try b.stepOver(site) else {
          finding.outcome = .blocked("a trapped instruction did not end at the next one")
          return finding
        }
        if forced(site) { try b.force(a.registers) } else { isAllForced = false }
      case (.trap, _), (_, .trap):
        return finding
      }
      count += 1
      guard count < Self.hitLimit else {
        finding.outcome = .limit("the guests were stopped \(count) times")
        return finding
      }
    }
  }
}

/// A replayed guest behind the end of its range, with HLTs over some of its instructions.
private final class TrappedGuest<CPU: Processor> {
  enum Stop {
    case trap(UncontrolledSite)
    case guestExit(ExitReason)
    case limit(String)
  }

  private static var halt: UInt8 { 0xf4 }
  /// How long one instruction may take.
  private static var stepLimitNanoseconds: UInt64 { 1_000_000_000 }

  private let replayer: Replayer<CPU>
  private var sites: [UInt64: UncontrolledSite] = [:]
  private var elapsedNanoseconds: UInt64 = 0

  init(_ replayer: Replayer<CPU>) {
    self.replayer = replayer
  }

  var registers: GeneralRegisters { replayer.registers }

  var canBeTrapped: Bool {
    replayer.cpu.debugFeatures.isSuperset(of: [.softwareBreakpoint, .singleStep])
  }

  // MARK: Traps

  func plant(_ sites: [UncontrolledSite]) {
    for site in sites {
      self.sites[site.physicalAddress] = site
      setTrap(site)
    }
  }

  func removeTraps() {
    for site in sites.values { removeTrap(site) }
    sites = [:]
  }

  /// Writes the HLT where the instruction still is: the guest may have written other code.
  private func setTrap(_ site: UncontrolledSite) {
    let bytes = replayer.memory.read(site.physicalAddress, count: site.bytes.count)
    guard bytes == site.bytes else { return }
    replayer.memory.write([Self.halt], at: site.physicalAddress)
  }

  /// Puts the guest's byte back, unless the guest has written another there.
  private func removeTrap(_ site: UncontrolledSite) {
    guard replayer.memory.read(site.physicalAddress, count: 1) == [Self.halt],
      let first = site.bytes.first
    else { return }
    replayer.memory.write([first], at: site.physicalAddress)
  }

  // MARK: Running

  func run(limitNanoseconds limit: UInt64) throws(ReplayError) -> Stop {
    guard elapsedNanoseconds < limit else {
      return .limit("the guests ran \(limit / 1_000_000) ms")
    }
    let exit = try replayer.runOn(limitNanoseconds: limit - elapsedNanoseconds)
    elapsedNanoseconds.add(exit.exitNanoseconds &- exit.entryNanoseconds)
    switch exit.reason {
    case .kick(.sliceLimit): return .limit("the guests ran \(limit / 1_000_000) ms")
    case .kick(.request): return .limit("the search was interrupted")
    case .halt:
      guard let site = try trappedSite() else { return .guestExit(.halt) }
      var before = replayer.registers
      before.rip = site.virtualAddress
      try replayer.force(before)
      return .trap(site)
    case let reason: return .guestExit(reason)
    }
  }

  /// The site whose HLT the guest has just executed; `nil` when the HLT is the guest's own.
  private func trappedSite() throws(ReplayError) -> UncontrolledSite? {
    let system = try replayer.capturedState().system
    let paging: UInt64 = 1 << 31
    let address = replayer.registers.rip &- 1
    let physical =
      system.cr0 & paging == 0
      ? system.segments[0].base &+ address : PageTables(system, replayer.memory)?.translate(address)
    guard let physical, var site = sites[physical],
      replayer.memory.read(physical, count: 1) == [Self.halt]
    else { return nil }
    site.virtualAddress = address
    return site
  }

  /// Executes the trapped instruction.
  ///
  /// It is caught behind by another HLT: where an outer hypervisor emulates RDRAND, the trap of a single
  /// step comes an instruction late. Across a page's end it is stepped.
  ///
  /// - Returns: false when the guest did not come to the next instruction.
  func stepOver(_ site: UncontrolledSite) throws(ReplayError) -> Bool {
    removeTrap(site)
    defer { setTrap(site) }
    let next = site.physicalAddress &+ UInt64(site.bytes.count)
    let end = site.virtualAddress &+ UInt64(site.bytes.count)
    guard end & 0xfff >= UInt64(site.bytes.count), let byte = replayer.memory.read(next, count: 1)
    else {
      guard case .debug = try replayer.step().reason else { return false }
      return registers.rip == end
    }
    replayer.memory.write([Self.halt], at: next)
    let exit = try replayer.runOn(limitNanoseconds: Self.stepLimitNanoseconds)
    replayer.memory.write(byte, at: next)
    guard case .halt = exit.reason, registers.rip == end &+ 1 else { return false }
    var registers = registers
    registers.rip = end
    try replayer.force(registers)
    return true
  }

  func force(_ registers: GeneralRegisters) throws(ReplayError) {
    try replayer.force(registers)
  }
}
