internal import Bytes
internal import Trace

/// A reel put together from a fuzz input: records of contents, sealed with good checksums, so that
/// the decoders behind them are reached.
///
///     u8 options (bit 0: an end record, index and footer behind all), then for each block:
///       u8 which of the types offered, u8 options, u16 count, u16 length,
///       options bit 0: u64 first event, u64 first time, u64 last time, u32 number,
///       the block's contents
///
/// Without bit 0 the header fields are what fits. Bit 1: the contents are the stored bytes
/// themselves; bit 2: the raw size is too large by `count`; bit 3, for pages: as long as it should be.
struct ReelAssembly {
  /// What a record becomes.
  enum Part {
    case block(BlockType)
    /// The page blocks and the keyframe of a capture: u8 page step, u8 fill for each page.
    case capture
  }

  static let hasFields: UInt8 = 1
  static let isStored: UInt8 = 1 << 1
  static let isLying: UInt8 = 1 << 2
  static let isFitted: UInt8 = 1 << 3
  static let pageKey = [UInt8](1...16)

  private(set) var bytes = FileHeader(pageKey: pageKey).encoded()
  private var encoder = BlockEncoder(pageKey: pageKey)
  private var events: UInt64 = 0
  private var pages: UInt64 = 0
  private var keyframes: UInt64 = 0
  private var time: UInt64 = 0

  /// Makes the reel of an input whose records are of these parts.
  static func reel(_ input: [UInt8], parts: [Part], metadata: [UInt8]? = Array("{}".utf8))
    -> [UInt8]
  {
    var input = FuzzInput(input)
    var reel = ReelAssembly()
    if let metadata { reel.bytes += reel.encoder.block(.metadata, metadata) }
    let options = input.byte()
    while !input.isAtEnd, reel.bytes.count < 1 << 20 {
      let part = parts[Int(input.byte()) % parts.count]
      reel.append(part, &input)
    }
    if options & 1 != 0 { reel.bytes += reel.encoder.end(reel.endRecord) }
    return reel.bytes
  }

  private var endRecord: EndRecord {
    EndRecord(
      reason: .debugExit, detail: 0, eventCount: events, guestMadeExits: 0,
      keyframeCount: keyframes, durationNanoseconds: time, virtualTime: 0, digest: 0)
  }

  private mutating func append(_ part: Part, _ input: inout FuzzInput) {
    let options = input.byte()
    let count: UInt16 = input.number()
    let length = Int(input.number(UInt16.self))
    switch part {
    case .capture:
      appendCapture(input.bytes(length))
    case .block(let type):
      var header = BlockHeader(type: type)
      header.eventCount = UInt32(count)
      let isExplicit = options & Self.hasFields != 0
      if isExplicit {
        header.firstEvent = input.number()
        header.firstTime = input.number()
        header.lastTime = input.number()
        header.number = input.number()
      }
      var contents = input.bytes(length)
      if type == .pages, options & Self.isFitted != 0 { Self.fitPages(&contents, count) }
      if !isExplicit { complete(&header, contents) }
      seal(&header, contents, options)
    }
  }

  /// Header fields that agree with the blocks before.
  private mutating func complete(_ header: inout BlockHeader, _ contents: [UInt8]) {
    (header.firstTime, header.lastTime) = (time, time)
    switch header.type {
    case .events: header.firstEvent = events
    case .pages: header.firstEvent = pages
    case .keyframe:
      let (number, event) = Self.keyframePlace(contents)
      header.firstEvent = event
      header.number = UInt32(truncatingIfNeeded: number)
      header.eventCount = 0
      (header.firstTime, header.lastTime) = (0, 0)
    default: break
    }
  }

  private mutating func seal(_ header: inout BlockHeader, _ contents: [UInt8], _ options: UInt8) {
    let stored: [UInt8]
    var rawSize = contents.count
    if options & Self.isStored != 0 {
      stored = contents
    } else if header.type == .events || header.type == .kernelExits {
      let columns = ColumnList(contents, type: header.type, count: Int(header.eventCount))
      (stored, rawSize) = columns.encoded()
    } else {
      stored = FrameCompressor().compress(contents)
    }
    if options & Self.isLying != 0 { rawSize += Int(header.eventCount) }
    header.storedSize = UInt32(stored.count)
    header.rawSize = UInt32(rawSize)
    header.checksum = UInt64(CRC32.checksum(stored))
    switch header.type {
    case .events: events = header.endEvent
    case .pages: pages = header.endEvent
    case .keyframe: keyframes += 1
    default: break
    }
    bytes += encoder.block(copying: header, stored: stored)
  }

  private mutating func appendCapture(_ contents: [UInt8]) {
    var page: UInt32 = 0
    var numbers: [UInt32] = []
    var content: [UInt8] = []
    for index in stride(from: 0, to: min(contents.count, 64) - 1, by: 2) {
      page &+= UInt32(contents[index]) + 1
      numbers.append(page)
      content += [UInt8](repeating: contents[index + 1], count: PageBlock.pageSize)
    }
    let keyframe = Keyframe(
      number: keyframes, kind: keyframes == 0 ? .base : .seal, parent: nil, isFullMap: false,
      eventIndex: events, guestMadeExits: 0, digest: 0, virtualTime: 0, pages: [],
      vcpuStates: [StateEntry(kind: 1, version: 1, bytes: [1])], boardStates: [])
    let blocks = encoder.blocks(
      of: KeyframeCapture(keyframe: keyframe, pages: numbers, content: content))
    keyframes += 1
    bytes += blocks
  }

  private static func fitPages(_ contents: inout [UInt8], _ count: UInt16) {
    let count = Int(count % 16)
    let length = 4 + count * (PageIdentity.byteCount + PageBlock.pageSize)
    contents = Array(contents.prefix(length))
    contents += [UInt8](repeating: 0, count: length - contents.count)
  }

  /// Number and event of a keyframe's raw bytes, as far as they can be read.
  private static func keyframePlace(_ raw: [UInt8]) -> (number: UInt64, event: UInt64) {
    var reader = ByteReader(raw)
    guard let number = try? reader.readVarint() else { return (0, 0) }
    let event = try? {
      _ = try reader.read(UInt8.self)
      _ = try reader.readVarint()
      _ = try reader.read(UInt8.self)
      return try reader.readVarint()
    }()
    return (number, event ?? 0)
  }
}
