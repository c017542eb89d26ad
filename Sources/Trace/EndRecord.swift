internal import Bytes

/// Why a recording ended; an open set: later versions add reasons.
public struct EndReason: RawRepresentable, Hashable, Sendable {
  /// The number as stored.
  public let rawValue: UInt8
  /// Makes a reason from its number.
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  /// The guest wrote to the debug-exit port; the detail is its status.
  public static let debugExit = EndReason(rawValue: 0)
  /// The guest powered the machine off.
  public static let powerOff = EndReason(rawValue: 1)
  /// The guest asked for a reset.
  public static let reset = EndReason(rawValue: 2)
  /// HLT with no timer armed and no input possible.
  public static let idle = EndReason(rawValue: 3)
  /// HLT with interrupts disabled.
  public static let haltedForever = EndReason(rawValue: 4)
  /// A triple fault.
  public static let shutdown = EndReason(rawValue: 5)
  /// `--for` was reached.
  public static let timeLimit = EndReason(rawValue: 6)
  /// `--max-exits` was reached.
  public static let exitLimit = EndReason(rawValue: 7)
  /// `--until-console` was seen.
  public static let consoleText = EndReason(rawValue: 8)
  /// The user or the system stopped the recording; the detail is the signal.
  public static let signal = EndReason(rawValue: 9)
  /// KVM could not go on; the detail is its suberror, its hardware reason or an errno.
  public static let processorFailure = EndReason(rawValue: 10)
  /// The reel could not be written any further; what was written is whole.
  public static let writeFailure = EndReason(rawValue: 11)
  /// The user ended it with the console's escape key.
  public static let userRequest = EndReason(rawValue: 12)
  /// The recording went on, and `recover` made a whole reel of the part there is: the digest is the
  /// last whole one the reel stores, the virtual time its last keyframe's.
  public static let recovered = EndReason(rawValue: 13)
  /// The recording went on, and `trim` cut it here: the digest is the last whole one the reel stores,
  /// the virtual time its last keyframe's.
  public static let trimmed = EndReason(rawValue: 14)
  /// The reel was imported: the log ends here, whatever the guest did then.
  public static let endOfLog = EndReason(rawValue: 15)

  /// The reasons this version knows.
  public static let allCases = (0...15).map { EndReason(rawValue: $0) }

  /// Whether the end record's detail says more.
  public var hasDetail: Bool {
    switch self {
    case .debugExit, .signal, .processorFailure: true
    default: false
    }
  }

  /// The reason in words, or `reason-N`.
  public var name: String {
    switch self {
    case .debugExit: "debug exit"
    case .powerOff: "power off"
    case .reset: "reset"
    case .idle: "idle"
    case .haltedForever: "halted with interrupts disabled"
    case .shutdown: "shutdown"
    case .timeLimit: "time limit"
    case .exitLimit: "exit limit"
    case .consoleText: "console text"
    case .signal: "signal"
    case .processorFailure: "processor failure"
    case .writeFailure: "write failure"
    case .userRequest: "the user"
    case .recovered: "recovered"
    case .trimmed: "trimmed"
    case .endOfLog: "end of the log"
    default: "reason-\(rawValue)"
    }
  }
}

/// The facts a whole reel ends with.
///
///     u8 reason, varint detail, varint events, varint guest-made exits, varint keyframes,
///     varint duration in host ns, varint virtual time in ns, u64 running digest
public struct EndRecord: Equatable, Sendable {
  /// Why the recording ended.
  public var reason: EndReason
  /// The guest's status, the signal or the suberror, as the reason says.
  public var detail: UInt64
  /// Events in the reel.
  public var eventCount: UInt64
  /// Guest-made exits in the reel.
  public var guestMadeExits: UInt64
  /// Keyframes in the reel.
  public var keyframeCount: UInt64
  /// Host nanoseconds the recording took.
  public var durationNanoseconds: UInt64
  /// The guest's clock at the end, in nanoseconds.
  public var virtualTime: UInt64
  /// The running digest at the end.
  public var digest: UInt64

  /// Makes an end record; what is not given is 0.
  public init(
    reason: EndReason, detail: UInt64 = 0, eventCount: UInt64 = 0, guestMadeExits: UInt64 = 0,
    keyframeCount: UInt64 = 0, durationNanoseconds: UInt64 = 0, virtualTime: UInt64 = 0,
    digest: UInt64 = 0
  ) {
    self.reason = reason
    self.detail = detail
    self.eventCount = eventCount
    self.guestMadeExits = guestMadeExits
    self.keyframeCount = keyframeCount
    self.durationNanoseconds = durationNanoseconds
    self.virtualTime = virtualTime
    self.digest = digest
  }

  /// The raw bytes of the end block.
  public func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.append(reason.rawValue)
    for field in [
      detail, eventCount, guestMadeExits, keyframeCount, durationNanoseconds, virtualTime,
    ] {
      writer.append(varint: field)
    }
    writer.append(digest)
    return writer.bytes
  }

  init(decoding raw: [UInt8], at offset: UInt64) throws(TraceError) {
    do {
      var reader = ByteReader(raw)
      reason = EndReason(rawValue: try reader.read())
      detail = try reader.readVarint()
      eventCount = try reader.readVarint()
      guestMadeExits = try reader.readVarint()
      keyframeCount = try reader.readVarint()
      durationNanoseconds = try reader.readVarint()
      virtualTime = try reader.readVarint()
      digest = try reader.read()
    } catch {
      throw .malformed(offset: offset, what: "end record", error)
    }
  }
}
