/// Some fields of consecutive kernel exits, each in an array of its own, like ``EventRun``.
///
/// Arrays have ``count`` entries that count. Fields that were not asked for, or are not stored, are 0.
public struct KernelExitRun {
  /// Which fields a scan needs besides instruction set, flags, vCPU, reason and times.
  public struct Fields: OptionSet, Sendable {
    /// The bits.
    public let rawValue: UInt8
    /// Makes a choice from bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// The events the exits are anchored after.
    public static let anchors = Fields(rawValue: 1)
    /// RIP.
    public static let rips = Fields(rawValue: 2)
    /// What tells of an access: qualification, address, kind, width, count.
    public static let accesses = Fields(rawValue: 4)
  }

  /// The most exits of a run.
  public static let capacity = 512

  /// The exits.
  public internal(set) var count = 0
  /// Whether all exits of the block are of vCPU 0.
  public internal(set) var isFirstVCPU = false
  /// 1 VMX, 2 SVM.
  public internal(set) var isas = Self.column
  /// The flags (``KernelExitFlags``).
  public internal(set) var flags = Self.column
  /// The vCPUs.
  public internal(set) var vcpus = Self.column
  /// The events after which they happened.
  public internal(set) var anchors = Self.column
  /// The reasons.
  public internal(set) var reasons = Self.column
  /// RIP.
  public internal(set) var rips = Self.column
  /// Exit qualification or EXITINFO1.
  public internal(set) var info1s = Self.column
  /// Port, guest physical address or MSR index.
  public internal(set) var addresses = Self.column
  /// What the addresses are (``KernelExitAccess``).
  public internal(set) var accesses = Self.column
  /// Bytes per element.
  public internal(set) var widths = Self.column
  /// Elements.
  public internal(set) var counts = Self.column
  /// Host nanoseconds at the entry before.
  public internal(set) var entryTimes = Self.column
  /// Host nanoseconds at the exit.
  public internal(set) var exitTimes = Self.column

  private static let column = [UInt64](repeating: 0, count: capacity)

  /// A run without exits, to be filled by ``Reel/forEachRun(ofKernelExits:_:in:_:)``.
  public init() {}

  /// Hands out the array of a column that is wanted: a switch, since key paths would take a twentieth
  /// of a scan.
  mutating func withField(
    _ column: KernelExitBlock.Column, _ body: (inout [UInt64]) -> Void
  ) {
    switch column {
    case .isa: body(&isas)
    case .flags: body(&flags)
    case .vcpu: body(&vcpus)
    case .reason: body(&reasons)
    case .gap: body(&entryTimes)
    case .slice: body(&exitTimes)
    case .anchor: body(&anchors)
    case .ripDelta: body(&rips)
    case .info1: body(&info1s)
    case .address: body(&addresses)
    case .access: body(&accesses)
    case .width: body(&widths)
    case .count: body(&counts)
    case .info2, .interruptInformation, .errorCode, .value: break
    }
  }
}

extension KernelExitRun.Fields {
  /// Whether a scan needs a column.
  fileprivate func contains(_ column: KernelExitBlock.Column) -> Bool {
    switch column {
    case .isa, .flags, .vcpu, .reason, .gap, .slice: true
    case .anchor: contains(.anchors)
    case .ripDelta: contains(.rips)
    case .info1, .address, .access, .width, .count: contains(.accesses)
    case .info2, .interruptInformation, .errorCode, .value: false
    }
  }
}

extension Reel {
  /// Hands the kernel exits of a block to a closure, a run at a time.
  ///
  /// - Parameters:
  ///   - fields: what to read besides the fields that are always read.
  ///   - run: its memory is used, and can be used again for the next block.
  /// - Throws: the ``TraceError`` of a damaged block, before any run of it.
  public func forEachRun(
    ofKernelExits block: BlockDescriptor, _ fields: KernelExitRun.Fields,
    in run: inout KernelExitRun, _ body: (borrowing KernelExitRun) -> Void
  ) throws(TraceError) {
    var reader = try KernelExitRunReader(
      try storedBytes(of: block), header: block.header, at: block.offset, fields,
      with: decompressor)
    run = KernelExitRun()
    run.isFirstVCPU = reader.isFirstVCPU
    var left = Int(block.header.eventCount)
    while left > 0 {
      run.count = min(left, KernelExitRun.capacity)
      reader.read(into: &run)
      body(run)
      left -= run.count
    }
  }
}

/// Reads some columns of a block of kernel exits.
private struct KernelExitRunReader {
  private var columns: [(column: KernelExitBlock.Column, values: ColumnValues)] = []
  private var anchor: EventIndex
  private var rip: UInt64 = 0
  private var time: UInt64
  private(set) var isFirstVCPU = true

  init(
    _ stored: [UInt8], header: BlockHeader, at offset: UInt64, _ fields: KernelExitRun.Fields,
    with decompressor: FrameDecompressor
  ) throws(TraceError) {
    anchor = header.firstEvent
    time = header.firstTime
    let count = Int(header.eventCount)
    let stored = try KernelExitBlock.columns(
      stored, header: header, at: offset, with: decompressor)
    for entry in stored.entries {
      guard let column = try KernelExitBlock.column(of: entry, at: offset) else { continue }
      if column == .vcpu { isFirstVCPU = false }
      guard fields.contains(column) else { continue }
      columns.append((column, try stored.values(of: entry, count: count, limit: column.limit)))
    }
  }

  mutating func read(into run: inout KernelExitRun) {
    let count = run.count
    // Columns that are not stored were left as sums of the run before.
    for column: KernelExitBlock.Column in [.anchor, .ripDelta, .gap, .slice] {
      run.withField(column) { field in
        for index in 0..<count { field[index] = 0 }
      }
    }
    for place in columns.indices {
      run.withField(columns[place].column) { field in
        unsafe field.withUnsafeMutableBufferPointer {
          unsafe columns[place].values.read(
            into: UnsafeMutableBufferPointer(rebasing: $0[..<count]))
        }
      }
    }
    Self.sum(&run.anchors, count, from: &anchor)
    Self.sum(&run.rips, count, from: &rip)
    sumTimes(&run.entryTimes, &run.exitTimes, count)
  }

  private mutating func sumTimes(
    _ gaps: inout [UInt64], _ slices: inout [UInt64], _ count: Int
  ) {
    var gaps = gaps.mutableSpan
    var slices = slices.mutableSpan
    for index in 0..<count {
      let entry = time &+ gaps[index]
      time = entry &+ slices[index]
      gaps[index] = entry
      slices[index] = time
    }
  }

  /// Turns differences into values.
  private static func sum(_ field: inout [UInt64], _ count: Int, from sum: inout UInt64) {
    var values = field.mutableSpan
    for index in 0..<count {
      sum &+= values[index]
      values[index] = sum
    }
  }
}
