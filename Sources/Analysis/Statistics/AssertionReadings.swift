public import Trace

/// Reads off what assertions ask of a reel, in one pass over its exits.
public struct AssertionReadings: ExitObserver {
  fileprivate struct Tally {
    let subject: StatisticsSubject
    /// Where the functions of the subject begin, when it is a symbol: aliases share an address.
    let addresses: Set<UInt64>
    var samples: UInt64 = 0
    var byteCount: UInt64 = 0
    var handling = DurationAccumulator()
    var inGuest = DurationAccumulator()
  }

  private let names: ExitNames
  private let hasKernelExits: Bool
  private let hasTimes: Bool
  /// Whether only the kernel's exits are handed out, so that expressions are about those.
  private let isOfKernel: Bool
  private var tallies: [Tally]
  /// All exits of the runner, and all of the kernel: what shares are parts of.
  private var all: UInt64 = 0
  private var allOfKernel: UInt64 = 0
  private var interrupts: UInt64 = 0

  /// Prepares to read.
  public init(_ queries: [StatisticsQuery], _ reel: Reel, _ pass: StatisticsPass) {
    names = pass.names
    hasTimes = pass.hasTimes
    isOfKernel = pass.population == .kernel || pass.population == .handled
    hasKernelExits = !reel.kernelExitBlocks.isEmpty
    let symbols = pass.names.symbols
    tallies = Set(queries.map(\.subject)).map { subject in
      guard case .symbol(let name) = subject else { return Tally(subject: subject, addresses: []) }
      return Tally(subject: subject, addresses: Set(symbols?.addresses(of: name) ?? []))
    }
  }

  /// The columns it needs.
  public var columns: Set<EventColumn> { [.address, .width, .count, .ripDelta, .waited] }

  /// Counts an exit.
  public mutating func observe(_ exit: borrowing ExitSample) {
    if exit.reason.isa != 0 {
      allOfKernel &+= 1
    } else if exit.reason.code < 32 {
      all &+= 1
    }
    for index in tallies.indices where holds(tallies[index], exit) {
      tallies[index].add(exit)
    }
  }

  /// Counts an injected interrupt.
  public mutating func observe(interrupt: borrowing ExitSample) {
    interrupts &+= 1
    let injected = interrupt.address
    for index in tallies.indices {
      guard case .interrupt(let vector) = tallies[index].subject,
        vector == nil || vector == injected
      else { continue }
      tallies[index].add(interrupt)
    }
  }

  private func holds(_ tally: Tally, _ exit: borrowing ExitSample) -> Bool {
    let subject = tally.subject
    if case .kernel(let name) = subject {
      let reason = exit.reason
      return reason.isa != 0 && (name == nil || names.name(reason) == name)
    }
    guard (exit.reason.isa != 0) == isOfKernel else { return false }
    let code = exit.reason.code
    let isGuestMade = isOfKernel || code < 32
    switch subject {
    case .allExits: return isGuestMade
    case .reason(let kind): return exit.reason.code == UInt64(kind.rawValue)
    case .port(let port, let direction): return isAccess(.port, port, direction, exit)
    case .memory(let address, let direction): return isAccess(.memory, address, direction, exit)
    case .msr(let index, let direction): return isAccess(.msr, index, direction, exit)
    case .symbol:
      guard isGuestMade, let symbols = names.symbols, let place = symbols.symbol(at: exit.rip)
      else { return false }
      return tally.addresses.contains(symbols.address(place.index))
    case .device(let name):
      guard exit.space == .port, let ports = names.ports else { return false }
      return ports.name(ofPort: exit.address) == name
    case .phase(let name):
      let phase = Int(exit.phase)
      return isGuestMade && phase < names.phases.count && names.phases[phase] == name
    case .interrupt, .kernel: return false
    }
  }

  private func isAccess(
    _ space: AddressSpace, _ address: UInt64?, _ direction: StatisticsSubject.Direction?,
    _ exit: borrowing ExitSample
  ) -> Bool {
    guard exit.space == space else { return false }
    if let address, address != exit.address { return false }
    if let direction, (direction == .write) != exit.isWrite { return false }
    return true
  }

  /// What the statistics say, once all was seen.
  ///
  /// - Parameter durationNanoseconds: of the recording, for rates.
  public func reading(_ query: StatisticsQuery, durationNanoseconds: UInt64) -> StatisticsReading {
    if let reason = reasonUnavailable(query) { return .unavailable(reason) }
    guard let tally = tallies.first(where: { $0.subject == query.subject }), tally.samples > 0
    else { return .absent }
    let time = (query.isInGuest ? tally.inGuest : tally.handling).summary
    let value: Double
    switch query.function {
    case .count: value = Double(tally.samples)
    case .bytes: value = Double(tally.byteCount)
    case .share: value = Double(tally.samples) / Double(max(1, whole(query.subject)))
    case .rate:
      guard durationNanoseconds > 0 else { return .unavailable("the recording took no time") }
      value = Double(tally.samples) * 1e9 / Double(durationNanoseconds)
    case .total: value = Double(time.totalNanoseconds)
    case .mean: value = Double(time.meanNanoseconds)
    case .minimum: value = Double(time.minimumNanoseconds)
    case .maximum: value = Double(time.maximumNanoseconds)
    case .p50: value = Double(time.p50Nanoseconds)
    case .p90: value = Double(time.p90Nanoseconds)
    case .p99: value = Double(time.p99Nanoseconds)
    case .p999: value = Double(time.p999Nanoseconds)
    }
    if query.function.quantity == .time, time.samples == 0 { return .absent }
    return .value(value, samples: tally.samples)
  }

  private func whole(_ subject: StatisticsSubject) -> UInt64 {
    switch subject {
    case .kernel: allOfKernel
    case .interrupt: interrupts
    default: isOfKernel ? allOfKernel : all
    }
  }

  private func reasonUnavailable(_ query: StatisticsQuery) -> String? {
    let needsTimes = query.function.quantity == .time || query.function.quantity == .rate
    if needsTimes, !hasTimes { return "the reel was stripped of its host times" }
    switch query.subject {
    case .kernel where !hasKernelExits:
      return "the reel holds no exits of the kernel (record --kernel-exits)"
    case .kernel(let name?) where !names.kernel.knows(name):
      let near = names.kernel.names(like: name)
      return "no exit of the kernel has that name"
        + (near.isEmpty ? "" : "; near it are \(near.joined(separator: ", "))")
    case .reason where isOfKernel, .interrupt where isOfKernel:
      return "only the kernel's exits are counted, so name them as they are: kernel:NAME"
    case .symbol where names.symbols == nil: return "there are no symbols (--symbols)"
    case .symbol(let name) where names.symbols?.addresses(of: name).isEmpty == true:
      return "the symbols have none of that name"
    case .device where names.ports == nil: return "the reel's board is not known"
    case .device(let name) where name != DeviceNames.none && names.ports?.has(name) == false:
      return "the board has no device of that name"
    case .phase(let name) where !names.phases.contains(name):
      return "there is no marker for that phase (--phase-marker)"
    default: return nil
    }
  }
}

extension AssertionReadings.Tally {
  fileprivate mutating func add(_ exit: borrowing ExitSample) {
    samples &+= 1
    byteCount &+= exit.byteCount
    if exit.traits.contains(.handlingTime) { handling.add(exit.handlingNanoseconds) }
    if exit.traits.contains(.guestTime) { inGuest.add(exit.guestNanoseconds) }
  }
}
