internal import Bytes

/// Why a recording ended.
public enum EndReason: UInt8, Sendable, CaseIterable {
  /// The guest wrote to the debug-exit port; the detail is its status.
  case debugExit = 0
  /// The guest powered the machine off.
  case powerOff = 1
  /// The guest asked for a reset.
  case reset = 2
  /// HLT with no timer armed and no input possible.
  case idle = 3
  /// HLT with interrupts disabled.
  case haltedForever = 4
  /// A triple fault.
  case shutdown = 5
  /// `--for` was reached.
  case timeLimit = 6
  /// `--max-exits` was reached.
  case exitLimit = 7
  /// `--until-console` was seen.
  case consoleText = 8
  /// The user or the system stopped the recording; the detail is the signal.
  case signal = 9
  /// KVM could not go on; the detail is its suberror, its hardware reason or an errno.
  case processorFailure = 10
  /// The reel could not be written any further; what was written is whole.
  case writeFailure = 11
  /// The user ended it with the console's escape key.
  case userRequest = 12
  /// The recording went on, and `recover` made a whole reel of the part there is: the digest is the
  /// last whole one the reel stores, the virtual time its last keyframe's.
  case recovered = 13
  /// The recording went on, and `trim` cut it here: the digest is the last whole one the reel stores,
  /// the virtual time its last keyframe's.
  case trimmed = 14

  /// Whether the end record's detail says more.
  public var hasDetail: Bool {
    switch self {
    case .debugExit, .signal, .processorFailure: true
    default: false
    }
  }

  /// The reason in words.
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

  /// Makes an end record.
  public init(
    reason: EndReason, detail: UInt64, eventCount: UInt64, guestMadeExits: UInt64,
    keyframeCount: UInt64, durationNanoseconds: UInt64, virtualTime: UInt64, digest: UInt64
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
      let reason: UInt8 = try reader.read()
      guard let reason = EndReason(rawValue: reason) else {
        throw TraceError.malformed(offset: offset, what: "end reason", nil)
      }
      self.reason = reason
      detail = try reader.readVarint()
      eventCount = try reader.readVarint()
      guestMadeExits = try reader.readVarint()
      keyframeCount = try reader.readVarint()
      durationNanoseconds = try reader.readVarint()
      virtualTime = try reader.readVarint()
      digest = try reader.read()
    } catch let error as TraceError {
      throw error
    } catch {
      throw .malformed(offset: offset, what: "end record", error as? ByteReaderError)
    }
  }
}
