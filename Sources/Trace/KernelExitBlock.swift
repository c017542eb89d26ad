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
    case access = 14
    case width = 15
    case count = 16
    case value = 17

    var encoding: ColumnEncoding {
      switch self {
      case .ripDelta: .zigZagRows
      case .gap, .slice: .zigZagPlanes
      default: .planes
      }
    }

    var limit: UInt64 {
      switch self {
      case .isa, .flags, .access, .width: 0xff
      case .vcpu: 0xffff
      case .count: 0xffff_ffff
      default: .max
      }
    }

    var isRequired: Bool {
      switch self {
      case .isa, .flags, .vcpu, .anchor, .reason, .address: true
      default: false
      }
    }
  }

  /// Decodes the stored bytes of a block of kernel exits.
  ///
  /// - Throws: `malformed`, `unknownRequiredColumn` or `blockTooLarge`; never traps.
  init(
    decoding stored: [UInt8], header: BlockHeader, at offset: UInt64,
    with decompressor: FrameDecompressor = FrameDecompressor()
  ) throws(TraceError) {
    let count = Int(header.eventCount)
    let columns = try Self.columns(stored, header: header, at: offset, with: decompressor)
    exits = []
    for entry in columns.entries {
      guard let column = try Self.column(of: entry, at: offset) else {
        skippedColumns += 1
        continue
      }
      let values = try columns.values(of: entry, count: count, limit: column.limit).values()
      if exits.isEmpty { exits = [KernelExitRecord](repeating: KernelExitRecord(), count: count) }
      for index in exits.indices { Self.put(column, values[index], into: &exits[index]) }
    }
    accumulate(header)
  }

  /// The columns of a block, its count held against the bytes there are.
  static func columns(
    _ stored: [UInt8], header: BlockHeader, at offset: UInt64,
    with decompressor: FrameDecompressor
  ) throws(TraceError) -> StoredColumns {
    let count = Int(header.eventCount)
    guard count <= maximumCount, count <= Int(header.rawSize) else {
      throw .blockTooLarge(offset: offset, rawSize: UInt64(count))
    }
    let columns = try StoredColumns(stored, header: header, at: offset, with: decompressor)
    // Checked before anything is made for so many: each has a byte in this column.
    guard count == 0 || columns.entries.first?.id == Column.isa.rawValue else {
      throw .malformed(offset: offset, what: "column directory: it has no isa", nil)
    }
    return columns
  }

  /// The column of an entry; `nil` for one this version may skip.
  static func column(
    of entry: ColumnEntry, at offset: UInt64
  ) throws(TraceError) -> Column? {
    if let column = Column(rawValue: entry.id), entry.encoding == column.encoding.rawValue {
      return column
    }
    if entry.isRequired { throw .unknownRequiredColumn(offset: offset, column: entry.id) }
    return nil
  }

  private static func put(
    _ column: Column, _ value: UInt64, into exit: inout KernelExitRecord
  ) {
    switch column {
    case .isa: exit.isa = UInt8(truncatingIfNeeded: value)
    case .flags: exit.flags = KernelExitFlags(rawValue: UInt8(truncatingIfNeeded: value))
    case .vcpu: exit.vcpu = UInt16(truncatingIfNeeded: value)
    case .anchor: exit.anchor = value
    case .reason: exit.reason = value
    case .ripDelta: exit.rip = value
    case .info1: exit.info1 = value
    case .info2: exit.info2 = value
    case .interruptInformation: exit.interruptInformation = value
    case .errorCode: exit.errorCode = value
    case .address: exit.address = value
    case .gap: exit.entryTime = value
    case .slice: exit.exitTime = value
    case .access: exit.access = KernelExitAccess(rawValue: UInt8(truncatingIfNeeded: value))
    case .width: exit.width = UInt8(truncatingIfNeeded: value)
    case .count: exit.count = UInt32(truncatingIfNeeded: value)
    case .value: exit.value = value
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

  /// The stored bytes of a block of kernel exits, and their size before compression.
  static func encode(
    _ exits: UnsafeBufferPointer<KernelExitRecord>, firstEvent: EventIndex, firstTime: UInt64,
    with compressor: FrameCompressor
  ) -> (stored: [UInt8], rawSize: Int) {
    var block = ColumnBlockWriter(compressor)
    var values: [UInt64] = []
    for column in Column.allCases {
      values.removeAll(keepingCapacity: true)
      var before = KernelExitRecord()
      before.anchor = firstEvent
      before.exitTime = firstTime
      for index in exits.indices {
        let exit = unsafe exits[index]
        values.append(entry(column, of: exit, after: before))
        before = exit
      }
      unsafe values.withUnsafeBufferPointer {
        unsafe block.append(
          id: column.rawValue, encoding: column.encoding, isRequired: column.isRequired,
          mayBeAbsent: column != .isa, $0)
      }
    }
    return block.finish()
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
    case .access: UInt64(exit.access.rawValue)
    case .width: UInt64(exit.width)
    case .count: UInt64(exit.count)
    case .value: exit.value
    }
  }
}
