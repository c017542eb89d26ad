internal import Bytes

/// Why a keyframe was taken.
public enum KeyframeKind: UInt8, Sendable, CaseIterable {
  /// The reel's first state.
  case base = 0
  /// Ends a segment that may not be exact.
  case seal = 1
  /// Taken at a guest-made exit because enough had happened since the last.
  case periodic = 2
  /// The state the recording ended in.
  case end = 3

  /// The kind in words.
  public var name: String {
    switch self {
    case .base: "base"
    case .seal: "seal"
    case .periodic: "periodic"
    case .end: "end"
    }
  }
}

/// A component of a vCPU's or the board's state that the trace stores without understanding it.
public struct StateEntry: Equatable, Sendable {
  /// The vCPU it belongs to; 0 for board state.
  public var vcpu: UInt16
  /// The component's kind, by its owner's numbering.
  public var kind: UInt16
  /// The version of the component's layout.
  public var version: UInt16
  /// The component's bytes.
  public var bytes: [UInt8]

  /// Makes an entry.
  public init(vcpu: UInt16 = 0, kind: UInt16, version: UInt16, bytes: [UInt8]) {
    self.vcpu = vcpu
    self.kind = kind
    self.version = version
    self.bytes = bytes
  }
}

/// A page's content, and where it is stored.
public struct StoredPage: Hashable, Sendable {
  /// The page of zeros, which is stored nowhere.
  public static let zero = StoredPage(.zeroPage, ordinal: 0)

  /// What the content is known by.
  public var identity: PageIdentity
  /// How many pages are stored before it in the reel.
  public var ordinal: UInt64

  /// Makes a reference to a page.
  public init(_ identity: PageIdentity, ordinal: UInt64) {
    self.identity = identity
    self.ordinal = ordinal
  }
}

/// A page of a keyframe's map.
public struct MappedPage: Equatable, Sendable {
  /// The page number: guest physical address / 4096.
  public var page: UInt32
  /// Its content.
  public var content: StoredPage

  /// Makes an entry of the map.
  public init(page: UInt32, content: StoredPage) {
    self.page = page
    self.content = content
  }
}

/// A full restorable state: vCPU and board state, and the pages that changed since the parent.
///
///     varint number, u8 kind, varint parent + 1 (0 = none), u8 flags (bit 0 full map)
///     varint event index, varint guest-made exits so far, u64 running digest,
///     varint virtual time in ns
///     varint page count, then for each: varint page − previous page, 16 bytes identity, and
///     unless that is zero the ordinal of the stored page minus the one before, zigzag
///     varint vCPU entries, then for each: varint vcpu, varint kind, varint version, bytes
///     varint board entries, likewise
public struct Keyframe: Equatable, Sendable {
  /// A keyframe whose map is full occurs at least every this many.
  public static let fullMapInterval: UInt64 = 64
  /// The most pages a map may have: what a full map's block can hold, about 15 GiB of RAM.
  public static let maximumPageCount = BlockHeader.maximumRawSize / (PageIdentity.byteCount + 1)
  /// The most vCPU entries, and the most board entries, a keyframe may have.
  public static let maximumStateEntryCount = 1 << 16

  /// The keyframe's number, from 0; below 2³².
  public var number: UInt64
  /// Why it was taken.
  public var kind: KeyframeKind
  /// The keyframe its page map builds on.
  public var parent: UInt64?
  /// Whether the map lists every page that is not zero, so that no parent is needed.
  public var isFullMap: Bool
  /// The index of its mark in the event stream.
  public var eventIndex: EventIndex
  /// Guest-made exits before it.
  public var guestMadeExits: UInt64
  /// The running digest at it.
  public var digest: UInt64
  /// The guest's clock, in nanoseconds.
  public var virtualTime: UInt64
  /// The pages that changed, ascending.
  public var pages: [MappedPage]
  /// The vCPUs' state.
  public var vcpuStates: [StateEntry]
  /// The board's state; replay does not need it.
  public var boardStates: [StateEntry]

  /// Makes a keyframe.
  public init(
    number: UInt64, kind: KeyframeKind, parent: UInt64?, isFullMap: Bool, eventIndex: EventIndex,
    guestMadeExits: UInt64, digest: UInt64, virtualTime: UInt64, pages: [MappedPage],
    vcpuStates: [StateEntry], boardStates: [StateEntry]
  ) {
    self.number = number
    self.kind = kind
    self.parent = parent
    self.isFullMap = isFullMap
    self.eventIndex = eventIndex
    self.guestMadeExits = guestMadeExits
    self.digest = digest
    self.virtualTime = virtualTime
    self.pages = pages
    self.vcpuStates = vcpuStates
    self.boardStates = boardStates
  }

  /// The raw bytes of the keyframe's block.
  public func encoded() -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: 8192 + pages.count * 18)
    writer.append(varint: number)
    writer.append(kind.rawValue)
    writer.append(varint: parent.map { $0 + 1 } ?? 0)
    writer.append(UInt8(isFullMap ? 1 : 0))
    writer.append(varint: eventIndex)
    writer.append(varint: guestMadeExits)
    writer.append(digest)
    writer.append(varint: virtualTime)
    writer.append(varint: UInt64(pages.count))
    var previous = MappedPage(page: 0, content: .zero)
    for entry in pages {
      writer.append(varint: UInt64(entry.page &- previous.page))
      entry.content.identity.append(to: &writer)
      previous.page = entry.page
      if entry.content.identity == .zeroPage { continue }
      let difference = entry.content.ordinal &- previous.content.ordinal
      writer.append(varint: ZigZag.encode(Int64(bitPattern: difference)))
      previous.content = entry.content
    }
    Self.append(vcpuStates, to: &writer)
    Self.append(boardStates, to: &writer)
    return writer.bytes
  }

  private static func append(_ entries: [StateEntry], to writer: inout ByteWriter) {
    writer.append(varint: UInt64(entries.count))
    for entry in entries {
      writer.append(varint: UInt64(entry.vcpu))
      writer.append(varint: UInt64(entry.kind))
      writer.append(varint: UInt64(entry.version))
      writer.append(lengthPrefixed: entry.bytes)
    }
  }

  init(decoding raw: [UInt8], at offset: UInt64) throws(TraceError) {
    do {
      var reader = ByteReader(raw)
      number = UInt64(try reader.readCount(limit: Int(UInt32.max)))
      let kind: UInt8 = try reader.read()
      guard let kind = KeyframeKind(rawValue: kind) else {
        throw TraceError.malformed(offset: offset, what: "keyframe kind", nil)
      }
      self.kind = kind
      let parent = try reader.readVarint()
      self.parent = parent == 0 ? nil : parent - 1
      let flags: UInt8 = try reader.read()
      isFullMap = flags & 1 != 0
      eventIndex = try reader.readVarint()
      guestMadeExits = try reader.readVarint()
      digest = try reader.read()
      virtualTime = try reader.readVarint()
      pages = try Self.readPages(&reader, at: offset)
      vcpuStates = try Self.readEntries(&reader)
      boardStates = try Self.readEntries(&reader)
      guard reader.isAtEnd else { throw TraceError.malformed(offset: offset, what: "tail", nil) }
    } catch let error as TraceError {
      throw error
    } catch {
      throw .malformed(offset: offset, what: "keyframe", error as? ByteReaderError)
    }
  }

  private static func readPages(
    _ reader: inout ByteReader, at offset: UInt64
  ) throws -> [MappedPage] {
    let count = try reader.readCount(limit: reader.remaining / (PageIdentity.byteCount + 1))
    var pages: [MappedPage] = []
    pages.reserveCapacity(count)
    var page: UInt32 = 0
    var ordinal: UInt64 = 0
    for index in 0..<count {
      let step = UInt32(try reader.readCount(limit: Int(UInt32.max - page)))
      guard index == 0 || step > 0 else {
        throw TraceError.malformed(offset: offset, what: "page map order", nil)
      }
      page += step
      let identity = try PageIdentity(from: &reader)
      if identity == .zeroPage {
        pages.append(MappedPage(page: page, content: .zero))
      } else {
        ordinal &+= UInt64(bitPattern: ZigZag.decode(try reader.readVarint()))
        pages.append(MappedPage(page: page, content: StoredPage(identity, ordinal: ordinal)))
      }
    }
    return pages
  }

  private static func readEntries(
    _ reader: inout ByteReader
  ) throws(ByteReaderError) -> [StateEntry] {
    let count = try reader.readCount(limit: min(reader.remaining / 4, maximumStateEntryCount))
    var entries: [StateEntry] = []
    for _ in 0..<count {
      let vcpu = UInt16(try reader.readCount(limit: Int(UInt16.max)))
      let kind = UInt16(try reader.readCount(limit: Int(UInt16.max)))
      let version = UInt16(try reader.readCount(limit: Int(UInt16.max)))
      let bytes = try reader.readLengthPrefixed(limit: reader.remaining)
      entries.append(StateEntry(vcpu: vcpu, kind: kind, version: version, bytes: bytes))
    }
    return entries
  }
}
