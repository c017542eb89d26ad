/// Guest code at an instruction pointer, with what is needed to decode it.
public struct GuestCode: Equatable, Sendable {
  /// The bytes, as many as an instruction can have; fewer where the next page is not RAM.
  public var bytes: [UInt8]
  /// The operand and address size of the code segment: 16, 32 or 64.
  public var bits: Int

  /// Makes code.
  public init(bytes: [UInt8], bits: Int) {
    self.bytes = bytes
    self.bits = bits
  }
}
