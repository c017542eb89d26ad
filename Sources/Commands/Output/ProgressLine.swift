internal import Dispatch

/// A progress line on standard error, shown only on a terminal and only after a second.
final class ProgressLine {
  private static let patienceNanoseconds: UInt64 = 1_000_000_000
  private static let intervalNanoseconds: UInt64 = 100_000_000

  private let label: String
  private let total: UInt64
  private let unit: String
  private let stride: UInt64
  private let isShown = StandardError.isTerminal
  private let start = DispatchTime.now().uptimeNanoseconds
  private var last: UInt64 = 0
  private var calls: UInt64 = 0
  private var hasPrinted = false

  /// - Parameters:
  ///   - unit: what is counted.
  ///   - stride: how many updates are passed over before one looks at the clock.
  init(label: String, total: UInt64, unit: String = "events", stride: UInt64 = 1024) {
    self.label = label
    self.total = total
    self.unit = unit
    self.stride = stride
  }

  /// Says how far the work is; cheap enough to be called for every event.
  func update(_ done: UInt64) {
    guard isShown else { return }
    calls += 1
    guard calls % stride == 0 else { return }
    let now = DispatchTime.now().uptimeNanoseconds
    guard now - start > Self.patienceNanoseconds, now - last > Self.intervalNanoseconds else {
      return
    }
    last = now
    hasPrinted = true
    let percent = total == 0 ? 100 : min(100, done * 100 / total)
    StandardError.write("\r\(label) \(percent)% (\(done) of \(total) \(unit))")
  }

  /// Takes the line away.
  func clear() {
    if hasPrinted { StandardError.write("\r\u{1b}[K") }
    hasPrinted = false
  }
}
