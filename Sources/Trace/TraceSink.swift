/// Where a recorder puts what it records; the writer in production, an array in tests.
///
/// `append(_:)` is called on the vCPU's thread for each event: it may not allocate and may wait
/// only when the disk has fallen behind by the whole bounded queue.
public protocol TraceSink: AnyObject {
  /// Appends an event without payload.
  func append(_ event: Event)
  /// Appends an event with its payload bytes, which are copied.
  func append(_ event: Event, payload: UnsafeRawBufferPointer)
  /// Appends a keyframe whose mark has just been appended.
  func append(_ capture: KeyframeCapture)
  /// Appends an exit the host's kernel traced; like an event's, it may not allocate.
  func append(_ exit: KernelExitRecord)
  /// Appends the host's counters at one moment.
  func append(_ totals: HostTotals)
  /// Host time has passed without an event, in nanoseconds since the recording's start.
  ///
  /// A writer may use it to put out what it holds, so that a killed recorder loses little.
  func passTime(_ nanoseconds: UInt64)
  /// When ``passTime(_:)`` will have something to put out, in nanoseconds since the recording's
  /// start; `nil` when nothing is held.
  var flushDeadline: UInt64? { get }
  /// Whether writing has failed, so that the recording should end.
  var hasFailed: Bool { get }
}

extension TraceSink {
  /// Ignores the exit.
  public func append(_ exit: KernelExitRecord) {}
  /// Ignores the counters.
  public func append(_ totals: HostTotals) {}
  /// Never.
  public var flushDeadline: UInt64? { nil }
  /// Ignores the time.
  public func passTime(_ nanoseconds: UInt64) {}
}

/// A keyframe as the recorder takes it: contents in place of identities.
@safe
public struct KeyframeCapture {
  /// Takes one changed page: its number, and its 4096 bytes, which it may not keep.
  public typealias PageBody = (_ page: UInt32, _ content: UnsafeRawBufferPointer) -> Void

  /// The keyframe with an empty page map and no parent: both are the writer's to fill.
  public var keyframe: Keyframe
  /// Hands out the changed pages, ascending; while the guest stands still, so a sink does not
  /// keep it for later.
  public var forEachPage: (PageBody) -> Void

  /// Makes a capture.
  public init(keyframe: Keyframe, forEachPage: @escaping (PageBody) -> Void) {
    self.keyframe = keyframe
    unsafe self.forEachPage = forEachPage
  }

  /// Makes a capture of contents at hand: 4096 bytes for each page, in the pages' order.
  public init(keyframe: Keyframe, pages: [UInt32], content: [UInt8]) {
    unsafe self.init(keyframe: keyframe) { body in
      unsafe content.withUnsafeBytes { bytes in
        for (index, page) in pages.enumerated() {
          let range = index * PageBlock.pageSize..<(index + 1) * PageBlock.pageSize
          unsafe body(page, UnsafeRawBufferPointer(rebasing: bytes[range]))
        }
      }
    }
  }
}
