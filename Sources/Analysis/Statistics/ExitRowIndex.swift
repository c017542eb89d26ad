internal import Trace

extension ExitSample {
  /// What of an exit of a batch makes its key.
  init(_ exit: Int, _ batch: borrowing ExitBatch, of run: borrowing EventRun) {
    self.init()
    let row = batch.rows[exit]
    let kind = EventKind(rawValue: UInt8(truncatingIfNeeded: run.kinds[row]))
    reason.code = UInt64(kind.rawValue)
    space = kind.addressSpace
    isWrite = kind.isWrite
    address = run.addresses[row]
    rip = run.rips[exit]
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
  /// Rows found lately, by the slots of their keys.
  private var cache = [Int32](repeating: -1, count: 1024)

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
    let isa = UInt8(truncatingIfNeeded: isa)
    let key = ExitKey(words: SIMD4(reason, 0, 0, 0), marks: UInt32(isa == 0 ? .max : isa))
    let slot = key.slot & (cache.count - 1)
    let cached = Int(cache[slot])
    if cached >= 0, keys[cached] == key { return cached }
    let row = find(key)
    cache[slot] = Int32(row)
    return row
  }

  /// The row of an exit of a batch.
  @inline(__always)
  mutating func row(
    of exit: Int, _ batch: borrowing ExitBatch, of run: borrowing EventRun
  ) -> Int? {
    let row = batch.rows[exit]
    let code = run.kinds[row] & 0xff
    if isByReason {
      let known = rowOfKind[Int(code)]
      if known >= 0 { return known }
    } else if isByRIP {
      let slot = ExitKey(words: SIMD4(run.rips[exit], 0, 0, 0)).slot & (cache.count - 1)
      let cached = Int(cache[slot])
      if cached >= 0, keys[cached].words[0] == run.rips[exit] { return cached }
    }
    return slowRow(of: ExitSample(exit, batch, of: run))
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
