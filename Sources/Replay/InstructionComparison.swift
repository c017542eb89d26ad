public import Machine

/// Executes two replayed guests instruction by instruction, from equal states, until they part.
///
/// Registers are compared after each instruction; memory is not.
public struct InstructionComparison<CPU: Processor> {
  /// How it ended.
  public enum Outcome: Sendable {
    /// Registers differ behind an instruction, or one guest made an exit where the other did not.
    case parted
    /// Both made the same exit with equal registers.
    case sameExit
    /// So many instructions were executed alike, and no more were to be.
    case limit
    /// A guest could not be stepped: one clause.
    case blocked(String)
  }

  /// Where two guests were when the comparison ended.
  public struct Parting: Sendable {
    /// How it ended.
    public var outcome: Outcome
    /// Instructions executed alike in both before the last one.
    public var steps: UInt64 = 0
    /// The first guest's registers before the last instruction; the second's are equal.
    public var before = GeneralRegisters()
    /// The code there, in the first guest, when they parted.
    public var codeA: GuestCode?
    /// The code there, in the second guest.
    public var codeB: GuestCode?
    /// The first guest's registers behind it.
    public var registersA = GeneralRegisters()
    /// The second guest's.
    public var registersB = GeneralRegisters()
    /// What the first guest did.
    public var exitA: ExitReason?
    /// What the second guest did.
    public var exitB: ExitReason?
  }

  private let a: Replayer<CPU>
  private let b: Replayer<CPU>

  /// - Parameters:
  ///   - a: a replayer whose range has ended between two instructions.
  ///   - b: likewise, the guest's registers equal to `a`'s.
  public init(_ a: Replayer<CPU>, _ b: Replayer<CPU>) {
    self.a = a
    self.b = b
  }

  /// Executes instructions in both.
  ///
  /// - Parameter limit: the most in each.
  /// - Throws: ``ReplayError`` when a processor fails.
  public func run(limit: UInt64) throws(ReplayError) -> Parting {
    var parting = Parting(outcome: .limit)
    guard a.canStep, b.canStep else {
      parting.outcome = .blocked("this host's KVM does not execute single instructions")
      return parting
    }
    while parting.steps < limit {
      parting.before = a.registers
      let exits = (a: try a.step().reason, b: try b.step().reason)
      (parting.exitA, parting.exitB) = exits
      (parting.registersA, parting.registersB) = (a.registers, b.registers)
      if case .kick(let cause) = exits.a {
        parting.outcome = .blocked(Self.blockage(cause, parting.before.rip))
        return parting
      }
      if case .kick(let cause) = exits.b {
        parting.outcome = .blocked(Self.blockage(cause, parting.before.rip))
        return parting
      }
      guard exits.a == exits.b, Self.agree(parting.registersA, parting.registersB) else {
        parting.outcome = .parted
        parting.codeA = try a.code(at: parting.before.rip)
        parting.codeB = try b.code(at: parting.before.rip)
        return parting
      }
      guard case .debug = exits.a else {
        parting.outcome = .sameExit
        return parting
      }
      parting.steps += 1
    }
    return parting
  }

  /// Whether registers agree but for flags that stepping itself sets.
  public static func agree(_ a: GeneralRegisters, _ b: GeneralRegisters) -> Bool {
    var (left, right) = (a, b)
    left.rflags &= ~(RFlags.trap | RFlags.resume)
    right.rflags &= ~(RFlags.trap | RFlags.resume)
    return left == right
  }

  private static func blockage(_ cause: KickCause, _ address: UInt64) -> String {
    switch cause {
    case .sliceLimit:
      "this host's KVM reports no end of the single step at 0x\(String(address, radix: 16))"
    case .request: "the search was interrupted"
    }
  }
}

// MARK: - A guest behind the end of its range

extension Replayer {
  /// The guest's general registers.
  public var registers: GeneralRegisters { cpu.registers }

  /// Whether single instructions can be executed.
  var canStep: Bool { cpu.debugFeatures.contains(.singleStep) }

  /// The code at an instruction pointer; `nil` where none is mapped.
  func code(at address: UInt64) throws(ReplayError) -> GuestCode? {
    try naming { () throws(ProcessorError) in try cpu.code(at: address) }
  }

  /// Executes one instruction, compared with nothing.
  ///
  /// - Throws: ``ReplayError/processor(_:)``.
  func step() throws(ReplayError) -> Exit {
    try naming { () throws(ProcessorError) in try cpu.step() }
  }

  /// Lets the guest run to its next exit, compared with nothing.
  ///
  /// - Parameter limit: host nanoseconds after which it is stopped.
  /// - Throws: ``ReplayError/processor(_:)``.
  public func runOn(limitNanoseconds limit: UInt64) throws(ReplayError) -> Exit {
    try naming { () throws(ProcessorError) in try cpu.run(sliceLimitNanoseconds: limit) }
  }

  /// Gives the guest other registers.
  ///
  /// - Throws: ``ReplayError/processor(_:)``.
  public func force(_ registers: GeneralRegisters) throws(ReplayError) {
    try naming { () throws(ProcessorError) in try cpu.setRegisters(registers) }
  }

  private func naming<Result>(
    _ body: () throws(ProcessorError) -> Result
  ) throws(ReplayError) -> Result {
    do {
      return try body()
    } catch {
      throw .processor(error)
    }
  }
}
