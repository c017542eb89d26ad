/// The position of an event in its reel, counted from 0; a trimmed reel keeps its numbers.
public typealias EventIndex = UInt64

/// One entry of the trace; fixed size, so that the recorder stores it without allocating.
///
/// Which fields a kind uses is said at ``EventKind``; unused fields are zero.
public struct Event: Equatable, Sendable {
  /// The nanoseconds that stored times are multiples of: reading the host's clock takes as long.
  public static let timeResolution: UInt64 = 16

  /// A time as it is stored.
  public static func rounded(_ time: UInt64) -> UInt64 { time - time % timeResolution }

  /// What happened.
  public var kind: EventKind
  /// Bits that qualify it.
  public var flags: EventFlags = []
  /// The vCPU it happened on.
  public var vcpu: UInt16 = 0
  /// The console stream a write reached: 0 none, 1 serial port, 2 debug console.
  public var stream: UInt8 = 0
  /// Bytes per element of an access: 1, 2, 4 or 8.
  public var width: UInt8 = 0
  /// The low 8 bits of the running digest after a guest-made exit; 0 at other events.
  public var check: UInt8 = 0
  /// The arithmetic flags of RFLAGS (mask 0x8d5) at a guest-made exit other than a shutdown.
  ///
  /// They stand beside the digest because an instruction may leave some of them undefined: they
  /// are compared only on a host of the recording one's kind.
  public var arithmeticFlags: UInt16 = 0
  /// Elements of a string access when more than one; otherwise 0.
  public var count: UInt32 = 0
  /// Bytes of payload.
  public var payloadLength: UInt32 = 0
  /// Where the payload begins in its block; not stored, derived on reading.
  public var payloadOffset: UInt32 = 0
  /// The device an input comes from, by its number in the metadata; 0 for the board's own.
  public var device: UInt16 = 0
  /// One more than the number of the disk image an input's data lie in; 0 when they are here.
  public var image: UInt16 = 0
  /// The events for which an interrupt had been pending when this one was injected; not compared.
  public var waited: UInt32 = 0
  /// Port, guest physical address, MSR index, vector, kick cause or keyframe number.
  public var address: UInt64 = 0
  /// The data of a single element, zero-extended.
  public var value: UInt64 = 0
  /// RIP at an exit; 0 for other events.
  public var rip: UInt64 = 0
  /// What RDTSC reads after this event, where the reel's policy is to freeze it; the answer to a
  /// patched RDTSC at its input; otherwise 0.
  public var timestamp: UInt64 = 0
  /// The whole running digest, when ``EventFlags/fullDigest`` is set.
  public var digest: UInt64 = 0
  /// Host nanoseconds since the recording began when the guest was entered before this exit.
  public var entryTime: UInt64 = 0
  /// Host nanoseconds since the recording began when the guest was left by this exit.
  public var exitTime: UInt64 = 0

  /// Makes an event of a kind with all other fields zero.
  public init(_ kind: EventKind) {
    self.kind = kind
  }

  /// The number of elements of an access, at least 1.
  public var elementCount: Int { Int(max(count, 1)) }
}

/// Bits that qualify an event.
public struct EventFlags: OptionSet, Equatable, Sendable {
  /// The bits as stored.
  public let rawValue: UInt8
  /// Makes flags from stored bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  /// The event carries the whole 64-bit running digest.
  public static let fullDigest = EventFlags(rawValue: 1)
  /// The guest may have read another timestamp than the frozen one before this guest-made exit: a
  /// seal keyframe follows at the next instruction boundary.
  public static let tainted = EventFlags(rawValue: 2)
  /// The event has an entry in the column of timestamps; only in stored flags.
  static let timestamp = EventFlags(rawValue: 4)
}
