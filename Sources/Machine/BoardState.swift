internal import Bytes

/// The encoded state of one device of the board.
///
/// The reel stores entries without understanding them. Kinds: 1 ``PIC8259Pair``, 2 ``PIT8254``,
/// 3 ``CMOSClock``, 4 ``UART16550``, 5 ``SystemControl``. All integers are little-endian; the
/// layout of each kind stands at its `encode(into:)`.
public struct BoardStateEntry: Equatable, Sendable {
  /// Which device.
  public var kind: UInt16
  /// The version of the device's layout.
  public var version: UInt16
  /// The state.
  public var bytes: [UInt8]

  /// Makes an entry.
  public init(kind: UInt16, version: UInt16, bytes: [UInt8]) {
    self.kind = kind
    self.version = version
    self.bytes = bytes
  }
}

/// Why entries could not be made into a board.
public enum BoardStateError: Error, Equatable, Sendable {
  /// No entry of a kind this board has.
  case missing(kind: UInt16)
  /// More than one entry of a kind.
  case duplicate(kind: UInt16)
  /// An entry of a kind this board has not.
  case unknown(kind: UInt16)
  /// A layout this version cannot read.
  case unsupported(kind: UInt16, version: UInt16)
  /// At this byte an entry ends inside a field, goes on after the last one, or holds a value the
  /// device can never have.
  case malformed(kind: UInt16, offset: Int)
}

/// A field, at this byte of an entry, that is cut off or holds what the device never can.
struct BoardFieldError: Error, Equatable {
  var offset: Int
}

/// A part of the board whose state is one entry.
protocol BoardDevice {
  static var stateKind: UInt16 { get }
  static var stateVersion: UInt16 { get }
  func encode(into writer: inout ByteWriter)
  mutating func decode(from reader: inout ByteReader) throws(BoardFieldError)
}

extension BoardDevice {
  /// The state as an entry.
  var stateEntry: BoardStateEntry {
    var writer = ByteWriter(reservingCapacity: 256)
    encode(into: &writer)
    return BoardStateEntry(
      kind: Self.stateKind, version: Self.stateVersion, bytes: writer.bytes)
  }

  /// Takes the state from the one entry of this device's kind.
  mutating func restore(from entries: [BoardStateEntry]) throws(BoardStateError) {
    let mine = entries.filter { $0.kind == Self.stateKind }
    guard let entry = mine.first else { throw .missing(kind: Self.stateKind) }
    guard mine.count == 1 else { throw .duplicate(kind: Self.stateKind) }
    guard entry.version == Self.stateVersion else {
      throw .unsupported(kind: entry.kind, version: entry.version)
    }
    var reader = ByteReader(entry.bytes)
    do throws(BoardFieldError) {
      try decode(from: &reader)
      guard reader.isAtEnd else { throw BoardFieldError(offset: reader.offset) }
    } catch {
      throw .malformed(kind: entry.kind, offset: error.offset)
    }
  }
}

extension ByteWriter {
  /// Appends a Boolean as one byte, 0 or 1.
  mutating func append(flag: Bool) { append(flag ? 1 as UInt8 : 0) }
}

extension ByteReader {
  /// Reads an integer that may have any value.
  mutating func boardField<T: FixedWidthInteger>(_: T.Type = T.self) throws(BoardFieldError) -> T {
    do { return try read(T.self) } catch { throw BoardFieldError(offset: offset) }
  }

  /// Reads an integer that lies in a range.
  mutating func boardField<T: FixedWidthInteger>(
    in range: ClosedRange<T>
  ) throws(BoardFieldError) -> T {
    let start = offset
    let value: T = try boardField()
    guard range.contains(value) else { throw BoardFieldError(offset: start) }
    return value
  }

  /// Reads an integer that has no other bits than these.
  mutating func boardField<T: FixedWidthInteger>(
    allowedBits: T
  ) throws(BoardFieldError) -> T {
    let start = offset
    let value: T = try boardField()
    guard value & ~allowedBits == 0 else { throw BoardFieldError(offset: start) }
    return value
  }

  /// Reads an enumeration stored by its raw byte.
  mutating func boardField<T: RawRepresentable>(
    _: T.Type
  ) throws(BoardFieldError) -> T where T.RawValue == UInt8 {
    let start = offset
    guard let value = T(rawValue: try boardField()) else { throw BoardFieldError(offset: start) }
    return value
  }

  /// Reads a Boolean stored as 0 or 1.
  mutating func boardFlag() throws(BoardFieldError) -> Bool {
    let bit: UInt8 = try boardField(in: 0...1)
    return bit != 0
  }
}
