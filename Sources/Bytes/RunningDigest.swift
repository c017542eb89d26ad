/// The 64-bit digest of everything that crossed the guest's boundary so far.
///
/// Each absorbed word is combined by a bijection of the state, so two histories that once
/// differed stay different unless a later word makes them collide (2⁻⁶⁴ by chance). It finds
/// divergence; it is no defence against somebody who crafts collisions.
public struct RunningDigest: Equatable, Sendable {
  /// The digest of what was absorbed so far.
  public private(set) var value: UInt64

  /// The digest of nothing.
  public static let initial = RunningDigest(value: 0x766d_7265_656c_3039)

  /// Continues from a digest stored earlier, for instance at a keyframe.
  public init(value: UInt64) {
    self.value = value
  }

  /// Absorbs one word.
  @inlinable
  public mutating func absorb(_ word: UInt64) {
    setValue(Self.mix(value, word))
  }

  /// Absorbs bytes: their count, then eight at a time, the last group padded with zeros.
  @inlinable
  public mutating func absorb(bytes: some Collection<UInt8>) {
    absorb(UInt64(bytes.count))
    var word: UInt64 = 0
    var filled: UInt64 = 0
    for byte in bytes {
      word |= UInt64(byte) << (8 * filled)
      filled += 1
      if filled == 8 {
        absorb(word)
        word = 0
        filled = 0
      }
    }
    if filled > 0 { absorb(word) }
  }

  @usableFromInline
  mutating func setValue(_ newValue: UInt64) { value = newValue }

  /// One round: xor, odd multiply, xor-shift, odd multiply, xor-shift; each step a bijection.
  @usableFromInline
  static func mix(_ state: UInt64, _ word: UInt64) -> UInt64 {
    var mixed = (state ^ word) &* 0x9e37_79b9_7f4a_7c15
    mixed ^= mixed >> 32
    mixed = mixed &* 0xd6e8_feb8_6659_fd93
    return mixed ^ (mixed >> 29)
  }
}
