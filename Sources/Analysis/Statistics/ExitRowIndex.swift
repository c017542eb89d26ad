internal import Trace

extension ExitSample {
  /// What of an exit of a run makes its key.
  init(_ exit: Int, of run: borrowing EventRun) {
    self.init()
    let row = run.exitRows[exit]
    let kind = EventKind(rawValue: UInt8(truncatingIfNeeded: run.kinds[row]))
    reason.code = UInt64(kind.rawValue)
    space = kind.addressSpace
    isWrite = kind.isWrite
    address = run.addresses[row]
    rip = run.rips[exit]
  }

  /// An exit of a batch, complete.
  init(_ exit: Int, _ batch: borrowing ExitBatch, of run: borrowing EventRun) {
    self.init(exit, of: run)
    let row = run.exitRows[exit]
    index = run.firstEvent &+ UInt64(row)
    value = run.values[row]
    if EventKind(rawValue: UInt8(truncatingIfNeeded: reason.code)).movesBytes {
      byteCount = run.widths[row] &* max(1, run.counts[row])
    }
    entryTime = run.entryTimes[exit]
    exitTime = run.exitTimes[exit]
    handlingNanoseconds = batch.handling[exit]
    traits = [.guestTime, .handlingTime]
    guard reason.isHalt else { return }
    wake = .entry
    for interrupt in batch.interrupts where interrupt.exit == exit {
      wake = .interrupt
      wakeVector = UInt8(truncatingIfNeeded: interrupt.sample.address)
    }
  }
}

/// Gives each distinct key of exits the number of a row.
struct ExitRowIndex: Sendable {
  /// Keys told apart at most; exits of further ones share a row.
  static let maximumRows = 4096

  let dimensions: [ExitDimension]
  /// Exits whose key was one too many.
  private(set) var foldedSamples: UInt64 = 0
  private let keyMaker: ExitKeyMaker
  private let names: ExitNames
  private let isByReason: Bool
  private let isByRIP: Bool
  private var keys: [ExitKey] = []
  private var rowOfKey: [ExitKey: Int] = [:]
  /// The rows of the runner's kinds, for tables by reason alone; −1 for none yet.
  private var rowOfKind = [Int](repeating: -1, count: 256)
  /// Rows of kernel exits found lately, for tables by reason alone.
  private var kernelRows = [KernelRow](repeating: KernelRow(), count: 64)
  /// Rows found lately, by the slots of their keys.
  private var cache = [Int32](repeating: -1, count: 1024)

  private struct KernelRow {
    var isa: UInt64 = .max
    var reason: UInt64 = 0
    var row = 0
  }

  init(_ dimensions: [ExitDimension], _ names: ExitNames) {
    self.dimensions = Array(dimensions.prefix(ExitKey.maximumDimensions))
    self.names = names
    isByReason = self.dimensions == [.reason]
    isByRIP = self.dimensions == [.rip]
    keyMaker = ExitKeyMaker(self.dimensions, names)
  }

  /// The columns that keys are made of.
  var columns: Set<EventColumn> {
    var columns: Set<EventColumn> = []
    if dimensions.contains(where: { $0.space != nil }) {
      columns.formUnion([.address, .width, .count, .waited])
    }
    if dimensions.contains(.rip) || dimensions.contains(.symbol) { columns.insert(.ripDelta) }
    return columns
  }

  /// Whether nothing but the reason tells exits apart.
  var isByReasonOnly: Bool { isByReason }

  /// The row of a kernel exit, told apart by nothing but its reason.
  @inline(__always)
  mutating func row(isa: UInt64, reason: UInt64) -> Int {
    let place = Int(truncatingIfNeeded: reason ^ reason >> 6) & 63
    let cached = kernelRows[place]
    if cached.reason == reason, cached.isa == isa { return cached.row }
    let byte = UInt8(truncatingIfNeeded: isa)
    let key = ExitKey(words: SIMD4(reason, 0, 0, 0), marks: UInt32(byte == 0 ? .max : byte))
    let row = find(key)
    // A row that further keys share counts them.
    if keys[row] == key { kernelRows[place] = KernelRow(isa: isa, reason: reason, row: row) }
    return row
  }

  /// The rows of the first exits of a run, told apart by nothing but their kinds.
  ///
  /// - Returns: whether all kinds have rows; otherwise some of `rows` are −1.
  func findRows(ofFirst count: Int, of run: borrowing EventRun, into rows: inout [Int]) -> Bool {
    let kinds = run.kinds.span
    let places = run.exitRows.span.extracting(..<count)
    let known = rowOfKind.span
    var rows = rows.mutableSpan
    var union = 0
    for exit in places.indices {
      let row = known[Int(truncatingIfNeeded: kinds[places[exit]] & 0xff)]
      rows[exit] = row
      union |= row
    }
    return union >= 0
  }

  /// The row of an exit told apart by nothing but its RIP; `nil` when it was not found lately.
  @inline(__always)
  func cachedRow(rip: UInt64) -> Int? {
    let cached = Int(cache[ExitKey(words: SIMD4(rip, 0, 0, 0)).slot & (cache.count - 1)])
    return isByRIP && cached >= 0 && keys[cached].words[0] == rip ? cached : nil
  }

  /// The row of an exit of a run.
  @inline(__always)
  mutating func row(of exit: Int, of run: borrowing EventRun) -> Int? {
    let row = run.exitRows[exit]
    let code = run.kinds[row] & 0xff
    if isByReason {
      let known = rowOfKind[Int(code)]
      if known >= 0 { return known }
    } else if isByRIP, let known = cachedRow(rip: run.rips[exit]) {
      return known
    }
    return slowRow(of: ExitSample(exit, of: run))
  }

  /// The row of an exit, numbered from 0 as they come; `nil` when it belongs to none.
  @inline(__always)
  mutating func row(of exit: borrowing ExitSample) -> Int? {
    if isByReason, exit.reason.isa == 0 {
      let row = rowOfKind[Int(exit.reason.code & 0xff)]
      if row >= 0 { return row }
    }
    return slowRow(of: exit)
  }

  private mutating func slowRow(of exit: borrowing ExitSample) -> Int? {
    guard let key = keyMaker.key(of: exit) else { return nil }
    let slot = key.slot & (cache.count - 1)
    let cached = Int(cache[slot])
    if cached >= 0, keys[cached] == key { return cached }
    let row = find(key)
    cache[slot] = Int32(row)
    if isByReason, exit.reason.isa == 0 { rowOfKind[Int(exit.reason.code & 0xff)] = row }
    return row
  }

  private mutating func find(_ key: ExitKey) -> Int {
    if let row = rowOfKey[key] { return row }
    guard keys.count < Self.maximumRows || key == .other else {
      foldedSamples &+= 1
      return find(.other)
    }
    rowOfKey[key] = keys.count
    keys.append(key)
    return keys.count - 1
  }

  /// The values of a row's dimensions as text.
  func cells(_ row: Int) -> [String] { keys[row].cells(dimensions, names) }

  /// What the data sheet calls a row's place.
  func label(_ row: Int) -> String? { keys[row].label(dimensions) }
}
