/// What a loader hands over: the state of the first instruction and the memory that is taken.
public struct LoadedGuest: Equatable, Sendable {
  /// The general registers at the first instruction.
  public var registers: GeneralRegisters
  /// Segments, tables and control registers at the first instruction.
  public var system: SystemRegisters
  /// The memory the loader filled or promised to the image, ascending and disjoint.
  public var occupied: [OccupiedRange]

  /// Makes a loaded guest.
  public init(
    registers: GeneralRegisters, system: SystemRegisters, occupied: [OccupiedRange]
  ) {
    self.registers = registers
    self.system = system
    self.occupied = occupied
  }

  /// Replaces the two parts of a vCPU's reset state that a loader decides.
  public func apply(to state: inout VCPUState) {
    state.registers = registers
    state.system = system
  }
}

/// A stretch of guest memory and what it is for.
public struct OccupiedRange: Equatable, Sendable {
  /// What is there, as messages name it.
  public var name: String
  /// Guest physical addresses; never empty.
  public var addresses: Range<UInt64>

  /// Makes a range.
  public init(name: String, addresses: Range<UInt64>) {
    self.name = name
    self.addresses = addresses
  }
}
