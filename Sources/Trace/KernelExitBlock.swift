internal import Bytes

/// The kernel exits of one block, decoded.
public struct KernelExitBlock: Equatable, Sendable {
  /// The most kernel exits a block may hold.
  public static let maximumCount = 1 << 20

  /// The exits, in order.
  public var exits: [KernelExitRecord]
  /// Optional columns this version does not know and skipped.
  public var skippedColumns = 0

  /// The columns, dense as those of an event block.
  enum Column: UInt16, CaseIterable {
    /// 1 VMX, 2 SVM; always present, so that a reader can hold the count against the bytes.
    case isa = 1
    case flags = 2
    case vcpu = 3
    /// Anchor minus the anchor before (before the first: the header's first event).
    case anchor = 4
    case reason = 5
    case ripDelta = 6
    case info1 = 7
    case info2 = 8
    case interruptInformation = 9
    case errorCode = 10
    case address = 11
    /// Entry time minus the exit time before (before the first: the header's first time).
    case gap = 12
    /// Exit time minus entry time.
    case slice = 13

    var encoding: ColumnEncoding {
      switch self {
      case .isa, .flags: .byte
      case .ripDelta, .gap, .slice: .zigZagVarint
      default: .varint
      }
    }

    var isRequired: Bool {
      switch self {
      case .isa, .flags, .vcpu, .anchor, .reason, .address: true
      default: false
      }
    }
  }

  /// Decodes the raw bytes of a block of kernel exits.
  ///
  /// - Throws: `malformed`, `unknownRequiredColumn` or `blockTooLarge`; never traps.
  init(decoding raw: [UInt8], header: BlockHeader, at offset: UInt64) throws(TraceError) {
    guard header.eventCount <= Self.maximumCount, header.eventCount <= raw.count else {
      throw .blockTooLarge(offset: offset, rawSize: UInt64(header.eventCount))
    }
    exits = [KernelExitRecord](repeating: KernelExitRecord(), count: Int(header.eventCount))
    var column = "column directory"
    do {
      var reader = ByteReader(raw)
      for entry in try ColumnEntry.readDirectory(&reader, at: offset) {
        column = "column \(entry.id)"
        try decode(entry, try reader.readBytes(entry.byteLength), header, at: offset)
      }
      guard reader.isAtEnd else { throw TraceError.malformed(offset: offset, what: "tail", nil) }
    } catch let error as TraceError {
      throw error
    } catch {
      throw .malformed(offset: offset, what: column, error as? ByteReaderError)
    }
    accumulate(header)
  }

  private mutating func decode(
    _ entry: ColumnEntry, _ bytes: ArraySlice<UInt8>, _ header: BlockHeader, at offset: UInt64
  ) throws {
    guard let column = Column(rawValue: entry.id), entry.encoding == column.encoding.rawValue
    else {
      if entry.isRequired {
        throw TraceError.unknownRequiredColumn(offset: offset, column: entry.id)
      }
      skippedColumns += 1
      return
    }
    var reader = ByteReader(bytes)
    for index in exits.indices { try Self.read(column, &reader, into: &exits[index]) }
    guard reader.isAtEnd else {
      throw TraceError.malformed(offset: offset, what: "column \(entry.id)", nil)
    }
  }

  private static func read(
    _ column: Column, _ reader: inout ByteReader, into exit: inout KernelExitRecord
  ) throws {
    switch column {
    case .isa: exit.isa = try reader.read()
    case .flags: exit.flags = KernelExitFlags(rawValue: try reader.read())
    case .vcpu: exit.vcpu = UInt16(try reader.readCount(limit: Int(UInt16.max)))
    case .anchor: exit.anchor = try reader.readVarint()
    case .reason: exit.reason = try reader.readVarint()
    case .ripDelta: exit.rip = UInt64(bitPattern: ZigZag.decode(try reader.readVarint()))
    case .info1: exit.info1 = try reader.readVarint()
    case .info2: exit.info2 = try reader.readVarint()
    case .interruptInformation: exit.interruptInformation = try reader.readVarint()
    case .errorCode: exit.errorCode = try reader.readVarint()
    case .address: exit.address = try reader.readVarint()
    case .gap: exit.entryTime = UInt64(bitPattern: ZigZag.decode(try reader.readVarint()))
    case .slice: exit.exitTime = UInt64(bitPattern: ZigZag.decode(try reader.readVarint()))
    }
  }

  /// Turns the differences just read into values; sums wrap.
  private mutating func accumulate(_ header: BlockHeader) {
    var anchor = header.firstEvent
    var rip: UInt64 = 0
    var time = header.firstTime
    for index in exits.indices {
      anchor &+= exits[index].anchor
      rip &+= exits[index].rip
      let entry = time &+ exits[index].entryTime
      time = entry &+ exits[index].exitTime
      exits[index].anchor = anchor
      exits[index].rip = rip
      exits[index].entryTime = entry
      exits[index].exitTime = time
    }
  }

  /// Encodes kernel exits to the raw bytes of a block: a column directory, then the columns.
  public static func encode(
    _ exits: UnsafeBufferPointer<KernelExitRecord>, firstEvent: EventIndex, firstTime: UInt64
  ) -> [UInt8] {
    var block = ColumnBlockWriter(reservingCapacity: exits.count * 40)
    for column in Column.allCases {
      block.append(
        id: column.rawValue, encoding: column.encoding, isRequired: column.isRequired
      ) { body in
        let union = unsafe append(column, of: exits, firstEvent, firstTime, to: &body)
        // Never left out: a reader holds the count against the bytes there are.
        return union == 0 && (column != .isa || exits.isEmpty)
      }
    }
    return block.finish()
  }

  /// Appends one column; the union of its entries is 0 when it holds nothing but the default.
  private static func append(
    _ column: Column, of exits: UnsafeBufferPointer<KernelExitRecord>, _ firstEvent: EventIndex,
    _ firstTime: UInt64, to body: inout ByteWriter
  ) -> UInt64 {
    var union: UInt64 = 0
    var before = KernelExitRecord()
    before.anchor = firstEvent
    before.exitTime = firstTime
    for index in exits.indices {
      let exit = unsafe exits[index]
      let value = entry(column, of: exit, after: before)
      if column.encoding == .byte {
        body.append(UInt8(truncatingIfNeeded: value))
      } else {
        body.append(varint: value)
      }
      union |= value
      before = exit
    }
    return union
  }

  private static func entry(
    _ column: Column, of exit: KernelExitRecord, after before: KernelExitRecord
  ) -> UInt64 {
    func difference(_ value: UInt64, _ other: UInt64) -> UInt64 {
      ZigZag.encode(Int64(bitPattern: value &- other))
    }
    return switch column {
    case .isa: UInt64(exit.isa)
    case .flags: UInt64(exit.flags.rawValue)
    case .vcpu: UInt64(exit.vcpu)
    case .anchor: exit.anchor &- before.anchor
    case .reason: exit.reason
    case .ripDelta: difference(exit.rip, before.rip)
    case .info1: exit.info1
    case .info2: exit.info2
    case .interruptInformation: exit.interruptInformation
    case .errorCode: exit.errorCode
    case .address: exit.address
    case .gap: difference(exit.entryTime, before.exitTime)
    case .slice: difference(exit.exitTime, exit.entryTime)
    }
  }
}
