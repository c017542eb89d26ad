/// The SplitMix64 generator (Steele, Lea and Flood, 2014): fast, and the same on every host.
///
/// What it gives depends on the seed alone, so a seed names a reel.
struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// A number below a bound of at most 2³², which must not be 0; not exactly uniform.
  mutating func below(_ bound: UInt64) -> UInt64 {
    ((next() >> 32) &* bound) >> 32
  }

  /// A duration around a mean: mostly within a quarter of it, now and then many times as long.
  mutating func duration(around mean: UInt64) -> UInt64 {
    let word = next()
    let spread = ((word >> 32) &* (mean / 2 + 1)) >> 32
    let usual = mean &- mean / 4 &+ spread
    return word & 0xff == 0 ? usual &* (2 &+ (word >> 8) & 31) : usual
  }
}
