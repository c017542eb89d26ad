internal import Bytes

/// The host's counters at one moment of a recording.
///
///     u8 moment, varint event index after which (+ 1; 0 before the first), varint time in host ns,
///     varint count, then for each: bytes name, varint value
public struct HostTotals: Equatable, Sendable {
  /// When the counters were read.
  public enum Moment: UInt8, Sendable, CaseIterable {
    /// Before the guest first ran.
    case start = 0
    /// At a keyframe.
    case keyframe = 1
    /// After the guest last ran.
    case end = 2
  }

  /// A counter.
  public struct Counter: Equatable, Sendable {
    /// Its name: `kvm.exits`, `tracer.lost`.
    public var name: String
    /// Its value.
    public var value: UInt64

    /// Makes a counter.
    public init(name: String, value: UInt64) {
      self.name = name
      self.value = value
    }
  }

  /// Counters in one block at most.
  static let maximumCounters = 1 << 12
  /// Bytes of a name at most.
  static let maximumName = 256

  /// When the counters were read.
  public var moment: Moment
  /// The event after which that was; `nil` before the first.
  public var anchor: EventIndex?
  /// Host nanoseconds since the recording began.
  public var time: UInt64
  /// The counters.
  public var counters: [Counter]

  /// Makes totals.
  public init(moment: Moment, anchor: EventIndex?, time: UInt64, counters: [Counter]) {
    self.moment = moment
    self.anchor = anchor
    self.time = time
    self.counters = counters
  }

  /// The value of a counter; `nil` when there is none of that name.
  public subscript(name: String) -> UInt64? {
    counters.first { $0.name == name }?.value
  }

  /// The raw bytes of the block.
  public func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.append(moment.rawValue)
    writer.append(varint: anchor.map { $0 &+ 1 } ?? 0)
    writer.append(varint: time)
    writer.append(varint: UInt64(min(counters.count, Self.maximumCounters)))
    for counter in counters.prefix(Self.maximumCounters) {
      writer.append(lengthPrefixed: Array(counter.name.utf8.prefix(Self.maximumName)))
      writer.append(varint: counter.value)
    }
    return writer.bytes
  }

  init(decoding raw: [UInt8], at offset: UInt64) throws(TraceError) {
    do {
      var reader = ByteReader(raw)
      let moment: UInt8 = try reader.read()
      guard let moment = Moment(rawValue: moment) else {
        throw TraceError.malformed(offset: offset, what: "moment", nil)
      }
      self.moment = moment
      let position = try reader.readVarint()
      anchor = position == 0 ? nil : position - 1
      time = try reader.readVarint()
      counters = []
      for _ in 0..<(try reader.readCount(limit: Self.maximumCounters)) {
        let name = try reader.readLengthPrefixed(limit: Self.maximumName)
        counters.append(
          Counter(name: String(decoding: name, as: UTF8.self), value: try reader.readVarint()))
      }
    } catch let error as TraceError {
      throw error
    } catch {
      throw .malformed(offset: offset, what: "host totals", error as? ByteReaderError)
    }
  }
}
