/// How KVM turns the host's timestamp counter into the guest's: multiplied by a ratio, shifted right,
/// and an offset added.
///
/// The arithmetic is the hardware's: Intel SDM vol. 3C, 25.3 (TSC multiplier); AMD APM vol. 2,
/// 15.30.5 (TSC ratio MSR).
struct TSCScale: Equatable {
  /// The multiplier, a fixed-point number.
  let ratio: UInt64
  /// The bits of ``ratio`` behind the point: 48 on VMX, 32 on SVM.
  let fractionBits: UInt64

  /// The scale KVM makes of a frequency for the guest, rounded down as its `set_tsc_khz` does.
  ///
  /// - Returns: `nil` when the ratio would be 0 or the host's frequency is unknown.
  init?(guestKilohertz: UInt32, hostKilohertz: UInt32, fractionBits: UInt64) {
    guard hostKilohertz > 0 else { return nil }
    let ratio = (UInt128(guestKilohertz) << UInt128(fractionBits)) / UInt128(hostKilohertz)
    guard ratio > 0, let ratio = UInt64(exactly: ratio) else { return nil }
    self.ratio = ratio
    self.fractionBits = fractionBits
  }

  /// The guest's ticks at a value of the host's counter, before the offset.
  func ticks(at host: UInt64) -> UInt64 {
    UInt64(truncatingIfNeeded: (UInt128(host) * UInt128(ratio)) >> UInt128(fractionBits))
  }

  /// The first value of the host's counter at which the guest's has made so many ticks; the largest
  /// value when there is none.
  func start(ofTick tick: UInt64) -> UInt64 {
    let scaled = UInt128(tick) << UInt128(fractionBits)
    return UInt64(clamping: (scaled + UInt128(ratio) - 1) / UInt128(ratio))
  }
}
