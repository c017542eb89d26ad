/// A frequency that converts between virtual time and whole clock ticks without drift.
///
/// Tick `n` happens at the first nanosecond not before `n / hertz` seconds. The conversion is
/// exact integer arithmetic on 128-bit products, so `tick(at: instant(ofTick: n)) == n` for every
/// frequency below 1 GHz, however long the guest runs.
package struct TickRate: Equatable, Sendable {
  private static let nanosecondsPerSecond: UInt64 = 1_000_000_000

  /// Ticks per second; 1 to 999 999 999.
  package let hertz: UInt64

  /// The number of ticks that have happened by an instant; below 2⁶³ for frequencies up to 500 MHz.
  package func tick(at now: VirtualTime) -> Int64 {
    // The high half of the product is below `hertz`, hence below the divisor: no overflow.
    let product = now.nanoseconds.multipliedFullWidth(by: hertz)
    return Int64(clamping: Self.nanosecondsPerSecond.dividingFullWidth(product).quotient)
  }

  /// The instant of a tick; `nil` when it lies beyond the end of virtual time.
  package func instant(ofTick tick: Int64) -> VirtualTime? {
    let product = UInt64(max(0, tick)).multipliedFullWidth(by: Self.nanosecondsPerSecond)
    guard product.high < hertz else { return nil }
    let (quotient, remainder) = hertz.dividingFullWidth(product)
    let (rounded, overflow) = quotient.addingReportingOverflow(remainder == 0 ? 0 : 1)
    return overflow ? nil : VirtualTime(nanoseconds: rounded)
  }
}
