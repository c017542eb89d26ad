internal import Bytes

/// What a block holds; an open set: unknown types are skipped and counted.
public struct BlockType: RawRepresentable, Hashable, Sendable {
  /// The number as stored.
  public let rawValue: UInt16
  /// Makes a type from its number.
  public init(rawValue: UInt16) { self.rawValue = rawValue }
  /// The metadata: one JSON object.
  public static let metadata = BlockType(rawValue: 1)
  /// Events, in columns.
  public static let events = BlockType(rawValue: 2)
  /// Guest pages by identity.
  public static let pages = BlockType(rawValue: 3)
  /// One keyframe.
  public static let keyframe = BlockType(rawValue: 4)
  /// The end facts, after all that they are of.
  public static let end = BlockType(rawValue: 5)
  /// Exits the host's kernel traced, in columns; observed, never compared.
  public static let kernelExits = BlockType(rawValue: 6)
  /// The host's counters at one moment.
  public static let hostTotals = BlockType(rawValue: 7)
  /// Where all blocks before it lie.
  public static let index = BlockType(rawValue: 8)
  /// A header alone, the file's last 64 bytes, that says where the index is.
  public static let footer = BlockType(rawValue: 9)

  /// The type's name, or `type-N`.
  public var name: String {
    switch self {
    case .metadata: "metadata"
    case .events: "events"
    case .pages: "pages"
    case .keyframe: "keyframe"
    case .end: "end"
    case .kernelExits: "kernel-exits"
    case .hostTotals: "host-totals"
    case .index: "index"
    case .footer: "footer"
    default: "type-\(rawValue)"
    }
  }
}

/// The 64 bytes before each block's stored bytes.
///
///     0  4  magic "vmrb"        4  2  type           6  2  flags (0)
///     8  4  stored size         12 4  raw size
///     16 8  first event         24 4  event count    28 4  number
///     32 8  first time, ns      40 8  last time, ns
///     48 8  checksum of the stored bytes: their CRC-32
///     56 8  checksum of bytes 0–55, likewise
public struct BlockHeader: Equatable, Sendable {
  /// Bytes of the header.
  public static let byteCount = 64
  /// The largest raw size a block may have, in bytes.
  public static let maximumRawSize = 64 << 20

  static let magic: UInt32 = 0x6272_6d76
  static let firstByte = UInt8(truncatingIfNeeded: magic)

  /// What the block holds.
  public var type: BlockType
  /// Bytes that follow the header: one zstd frame, or columns.
  public var storedSize: UInt32 = 0
  /// Bytes before compression.
  public var rawSize: UInt32 = 0
  /// The index of the block's first event; of kernel exits, the first one's anchor; of a keyframe,
  /// its mark; of pages, how many pages are stored before; of the footer, the offset of the index.
  public var firstEvent: EventIndex = 0
  /// The number of events, kernel exits or pages in the block.
  public var eventCount: UInt32 = 0
  /// A keyframe's number; of the end 1 when an index and a footer follow; 0 in other blocks.
  public var number: UInt32 = 0
  /// Host nanoseconds since the start before the block's first event.
  public var firstTime: UInt64 = 0
  /// Host nanoseconds since the start at the block's last event.
  public var lastTime: UInt64 = 0
  /// The checksum of the stored bytes.
  public var checksum: UInt64 = 0

  /// Makes a header with sizes and checksum still zero.
  public init(type: BlockType) {
    self.type = type
  }

  /// The index after the block's last event; ``Reel`` has checked that it does not overflow.
  public var endEvent: EventIndex { firstEvent &+ UInt64(eventCount) }

  func encoded() -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: Self.byteCount)
    writer.append(Self.magic)
    writer.append(type.rawValue)
    writer.append(UInt16(0))
    writer.append(storedSize)
    writer.append(rawSize)
    writer.append(firstEvent)
    writer.append(eventCount)
    writer.append(number)
    writer.append(firstTime)
    writer.append(lastTime)
    writer.append(checksum)
    writer.append(UInt64(CRC32.checksum(writer.bytes)))
    return writer.bytes
  }

  init(decoding bytes: [UInt8], at offset: UInt64) throws(TraceError) {
    do {
      var reader = ByteReader(bytes)
      let magic: UInt32 = try reader.read()
      type = BlockType(rawValue: try reader.read())
      _ = try reader.read(UInt16.self)
      storedSize = try reader.read()
      rawSize = try reader.read()
      firstEvent = try reader.read()
      eventCount = try reader.read()
      number = try reader.read()
      firstTime = try reader.read()
      lastTime = try reader.read()
      checksum = try reader.read()
      let own: UInt64 = try reader.read()
      guard magic == Self.magic, own == UInt64(CRC32.checksum(Array(bytes.prefix(56)))) else {
        throw TraceError.blockHeaderDamaged(offset: offset)
      }
    } catch let error as TraceError {
      throw error
    } catch {
      throw .blockTruncated(offset: offset)
    }
    guard rawSize <= Self.maximumRawSize, storedSize <= Self.maximumRawSize else {
      throw .blockTooLarge(offset: offset, rawSize: UInt64(max(rawSize, storedSize)))
    }
  }
}
