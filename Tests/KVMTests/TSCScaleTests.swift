import Testing

@testable import KVM

/// Expected figures are KVM's: ratio = 2^bits × guest kHz / host kHz, rounded down
/// (`mul_u64_u32_div` in its `set_tsc_khz`), counter = TSC × ratio >> bits.
@Suite struct TSCScaleTests {
  @Test(arguments: [
    (host: UInt32(3_000_000), bits: UInt64(48), ratio: UInt64(93_824_992)),
    (host: 3_000_000, bits: 32, ratio: 1431),
    (host: 2_445_407, bits: 48, ratio: 115_103_529),
    (host: 1, bits: 48, ratio: 1 << 48),
  ])
  func theRatioIsTheKernels(host: UInt32, bits: UInt64, ratio: UInt64) throws {
    let scale = try #require(
      TSCScale(guestKilohertz: 1, hostKilohertz: host, fractionBits: bits))
    #expect(scale.ratio == ratio)
  }

  @Test func ratiosThatCannotBeAreRefused() {
    #expect(TSCScale(guestKilohertz: 1, hostKilohertz: 0, fractionBits: 48) == nil)
    #expect(TSCScale(guestKilohertz: 0, hostKilohertz: 3_000_000, fractionBits: 48) == nil)
    #expect(TSCScale(guestKilohertz: 1, hostKilohertz: 3_000_000, fractionBits: 16) == nil)
  }

  @Test func ticksAreMillisecondsOfTheHost() throws {
    let scale = try #require(
      TSCScale(guestKilohertz: 1, hostKilohertz: 3_000_000, fractionBits: 48))
    // The ratio is rounded down, so ticks are a little long.
    #expect(scale.ticks(at: 2_999_999) == 0)
    #expect(scale.ticks(at: 3_000_000) == 0)
    #expect(scale.ticks(at: 3_000_001) == 1)
    #expect(scale.start(ofTick: 1) == 3_000_001)
    #expect(scale.start(ofTick: 0) == 0)
    // 2^63 host cycles: needs 128 bits on the way.
    #expect(scale.ticks(at: 1 << 63) == 3_074_457_337_856)
  }

  @Test(arguments: [UInt64(48), 32], [UInt32(800_000), 2_445_407, 3_000_000, 5_999_999])
  func aTickBeginsWhereTheCounterChanges(bits: UInt64, host: UInt32) throws {
    let scale = try #require(
      TSCScale(guestKilohertz: 1, hostKilohertz: host, fractionBits: bits))
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let tsc = UInt64.random(in: 0...(1 << 62), using: &random)
      let tick = scale.ticks(at: tsc)
      let (start, end) = (scale.start(ofTick: tick), scale.start(ofTick: tick + 1))
      #expect(start <= tsc && tsc < end)
      #expect(scale.ticks(at: start) == tick && scale.ticks(at: end) == tick + 1)
      #expect(scale.ticks(at: end - 1) == tick)
    }
  }

  @Test func theLastTickHasNoEndWithinTheCounter() throws {
    let scale = try #require(
      TSCScale(guestKilohertz: 1, hostKilohertz: 3_000_000, fractionBits: 48))
    let tick = scale.ticks(at: .max)
    #expect(scale.start(ofTick: tick + 1) == .max)
  }
}
