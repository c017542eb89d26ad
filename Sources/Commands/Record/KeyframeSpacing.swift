internal import ArgumentParser
internal import Machine
internal import Replay

/// How far apart periodic keyframes are: `10000` exits, `250ms` of host time or `32MiB` of changed
/// memory.
enum KeyframeSpacing: ExpressibleByArgument, CustomStringConvertible {
  case exits(UInt64)
  case time(Duration)
  case memory(mebibytes: Int)

  /// Closer keyframes would take longer than what lies between them.
  private static let leastNanoseconds: UInt64 = 1_000_000

  init?(argument: String) {
    if let exits = UInt64(argument) {
      self = .exits(exits)
    } else if argument.hasSuffix("MiB") {
      guard let count = Int(argument.dropLast(3)), (1...GuestMemory.maximumMiB).contains(count)
      else { return nil }
      self = .memory(mebibytes: count)
    } else {
      guard argument.hasSuffix("s"), let time = Duration(argument: argument),
        time.nanoseconds >= Self.leastNanoseconds
      else { return nil }
      self = .time(time)
    }
  }

  /// As a user would write it.
  var description: String {
    switch self {
    case .exits(let count): "\(count)"
    case .time(let time): time.description
    case .memory(let mebibytes): "\(mebibytes)MiB"
    }
  }

  /// Makes it the one spacing a recording follows.
  func apply(to policy: inout RecordingPolicy) {
    policy.keyframeExitInterval = 0
    switch self {
    case .exits(let count): policy.keyframeExitInterval = count
    case .time(let time): policy.keyframeIntervalNanoseconds = time.nanoseconds
    case .memory(let mebibytes):
      policy.keyframeDirtyPages = mebibytes << 20 / GuestMemory.pageSize
    }
  }
}
