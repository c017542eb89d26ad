public import Trace

/// Which part of a reel to count.
public struct ExitSelection: Sendable, Equatable {
  /// Event indexes; `nil` for all.
  public var range: Range<EventIndex>?
  /// Host nanoseconds since the recording began, at the exit; `nil` for all.
  public var time: Range<UInt64>?
  /// The vCPU; `nil` for all.
  public var vcpu: UInt16?
  /// Whether to go on past damaged blocks and count the loss.
  public var skipsDamagedBlocks = false

  /// Selects the whole reel.
  public init() {}

  /// Whether a block may hold something selected.
  func mayHold(_ header: BlockHeader) -> Bool {
    if let range, header.endEvent <= range.lowerBound || header.firstEvent >= range.upperBound {
      return false
    }
    return true
  }

  /// Whether an exit is selected.
  @inline(__always)
  func holds(_ index: EventIndex, vcpu other: UInt16, exitTime: UInt64) -> Bool {
    if let range, !range.contains(index) { return false }
    if let time, !time.contains(exitTime) { return false }
    if let vcpu, vcpu != other { return false }
    return true
  }

  /// Whether everything is selected.
  var isAll: Bool { range == nil && time == nil && vcpu == nil }
}
