public import Trace

extension ExitStatistics {
  /// Places told apart at most; accesses to further ones are counted as `other:…`.
  public static let maximumPlaces = 4096

  /// Which part of a reel to count.
  public struct Selection: Sendable {
    /// Event indexes; `nil` for all.
    public var range: Range<EventIndex>?
    /// The vCPU; `nil` for all.
    public var vcpu: UInt16?
    /// Whether to go on past damaged blocks and count the loss.
    public var skipsDamagedBlocks = false

    /// Selects the whole reel.
    public init() {}
  }

  /// Counts a reel in one pass over its events.
  ///
  /// - Parameter metadata: the reel's, whose names kernel exits get; `nil` for this version's.
  /// - Throws: the ``TraceError`` of the first damaged block, unless those are skipped.
  public init(
    _ reel: Reel, _ selection: Selection = Selection(), metadata: Metadata? = nil
  ) throws(TraceError) {
    let hasTimes = metadata.map { !$0.strippedParts.contains(.times) } ?? true
    var collector = StatisticsCollector(hasTimes: hasTimes)
    var cursor = EventCursor(reel, from: selection.range?.lowerBound ?? 0)
    while true {
      do throws(TraceError) {
        guard let event = try cursor.next() else { break }
        if let range = selection.range, cursor.index >= range.upperBound { break }
        if let vcpu = selection.vcpu, event.vcpu != vcpu { continue }
        collector.count(event)
      } catch {
        guard selection.skipsDamagedBlocks else { throw error }
        collector.noteGap()
      }
    }
    self = collector.result
    totals.lostEvents = cursor.skippedEvents
    totals.timesAreStripped = !hasTimes
    addReelTotals(reel)
    kernel = try KernelExitStatistics(reel, selection, name: KernelExitName(metadata))
  }

  private mutating func addReelTotals(_ reel: Reel) {
    let census = KeyframeCensus(reel)
    totals.keyframes = census.byKind
    totals.unreadableKeyframes = census.unreadable
    totals.sealedSegments = census.sealedSegments
    totals.ending = ReelEnding(reel)
    totals.durationNanoseconds =
      reel.end?.durationNanoseconds ?? reel.eventBlocks.last?.header.lastTime ?? 0
    totals.virtualTimeNanoseconds = reel.end?.virtualTime ?? census.lastVirtualTime
  }
}

/// Gathers statistics event by event.
private struct StatisticsCollector {
  private struct Row {
    var samples: UInt64 = 0
    var handling = DurationAccumulator()
    var inGuest = DurationAccumulator()
  }

  /// The exit of a vCPU that waits for the next entry.
  private struct Pending {
    var exitTime: UInt64
    var reason: Int
    var place: Int?
  }

  private let hasTimes: Bool
  private var keys: [ExitKey: Int] = [:]
  private var rows: [Row] = []
  private var pending: [UInt16: Pending] = [:]
  private var vectors: [UInt64: UInt64] = [:]
  private var kinds = [UInt64](repeating: 0, count: 256)
  private var consoleBytes = [UInt64](repeating: 0, count: 256)
  private var totals = StatisticsTotals()

  init(hasTimes: Bool) {
    self.hasTimes = hasTimes
  }

  mutating func count(_ event: Event) {
    totals.events += 1
    kinds[Int(event.kind.rawValue)] += 1
    if event.stream != 0 {
      consoleBytes[Int(event.stream)] &+= ConsoleTranscript.consoleByteCount(of: event)
    }
    if event.kind.isInput { totals.inputs += 1 }
    if event.kind == .interrupt { countVector(event.address) }
    if event.kind.isExit { countExit(event) }
  }

  /// Forgets the exits that wait for their next entry, since it was lost.
  mutating func noteGap() {
    pending = [:]
  }

  private mutating func countVector(_ vector: UInt64) {
    let isKnown = vectors[vector] != nil || vectors.count < ExitStatistics.maximumPlaces
    vectors[isKnown ? vector : .max, default: 0] += 1
  }

  private mutating func countExit(_ event: Event) {
    finishPending(of: event)
    if event.kind.isHostMade { totals.hostMadeExits += 1 } else { totals.guestMadeExits += 1 }
    let hasPlaces = ExitGrouping(detailing: event.kind) != nil || event.kind == .kick
    let reason = row(ExitKey(kind: event.kind, address: nil))
    let place = hasPlaces ? row(ExitKey(kind: event.kind, address: event.address)) : nil
    let inGuest = event.exitTime &- event.entryTime
    let isUsable = hasTimes && event.exitTime >= event.entryTime
    if isUsable {
      totals.inGuestNanoseconds = totals.inGuestNanoseconds.addingSaturated(inGuest)
    } else if hasTimes {
      totals.unusableTimes += 1
    }
    countSample(at: reason, inGuest: isUsable ? inGuest : nil)
    if let place { countSample(at: place, inGuest: isUsable ? inGuest : nil) }
    guard hasTimes else { return }
    pending[event.vcpu] = Pending(exitTime: event.exitTime, reason: reason, place: place)
  }

  private mutating func countSample(at index: Int, inGuest: UInt64?) {
    rows[index].samples += 1
    if let inGuest { rows[index].inGuest.add(inGuest) }
  }

  /// Times the handling of the vCPU's exit before, which ended with this exit's entry.
  private mutating func finishPending(of event: Event) {
    guard let before = pending[event.vcpu] else { return }
    guard event.entryTime >= before.exitTime else {
      totals.unusableTimes += 1
      return
    }
    let handling = event.entryTime - before.exitTime
    totals.handlingNanoseconds = totals.handlingNanoseconds.addingSaturated(handling)
    rows[before.reason].handling.add(handling)
    if let place = before.place { rows[place].handling.add(handling) }
  }

  /// The index of a key's row; beyond the limit all places of a kind share one.
  private mutating func row(_ key: ExitKey) -> Int {
    if let index = keys[key] { return index }
    var key = key
    if key.address != nil, keys.count >= ExitStatistics.maximumPlaces {
      key.address = Self.otherPlaces
      if let index = keys[key] { return index }
    }
    keys[key] = rows.count
    rows.append(Row())
    return rows.count - 1
  }

  /// No port, MSR index or guest physical address has this value.
  private static let otherPlaces = UInt64.max

  var result: ExitStatistics {
    var statistics = ExitStatistics()
    statistics.reasons = table { $0.address == nil && $0.kind.isGuestMade }
    statistics.ports = table { $0.address != nil && ExitGrouping(detailing: $0.kind) == .ioport }
    statistics.memory = table { $0.address != nil && ExitGrouping(detailing: $0.kind) == .mmio }
    statistics.msrs = table { $0.address != nil && ExitGrouping(detailing: $0.kind) == .msr }
    statistics.hostMade = table {
      $0.kind.isHostMade && ($0.kind == .kick) == ($0.address != nil)
    }
    statistics.interrupts = vectors.sorted { $0.key < $1.key }
      .map { VectorCount(vector: HexWord($0.key), count: $0.value) }
    statistics.totals = totals
    statistics.totals.eventsByKind = kinds.enumerated().filter { $0.element > 0 }.map {
      KindCount(name: EventKind(rawValue: UInt8($0.offset)).name, count: $0.element)
    }
    for (stream, count) in consoleBytes.enumerated() where count > 0 {
      statistics.totals.consoleBytes[ConsoleTranscript.name(ofStream: UInt8(stream))] = count
    }
    return statistics
  }

  private func table(_ isWanted: (ExitKey) -> Bool) -> [ExitRow] {
    let wanted = keys.filter { isWanted($0.key) }
    let samples = wanted.values.reduce(0.0) { $0 + Double(rows[$1].samples) }
    let time = wanted.values.reduce(0.0) {
      $0 + Double(rows[$1].handling.summary.totalNanoseconds)
    }
    let table = wanted.map { key, index in
      let row = rows[index]
      let handling = row.handling.summary
      return ExitRow(
        name: Self.name(of: key), label: key.label,
        address: key.address == Self.otherPlaces ? nil : key.address.map(HexWord.init),
        samples: row.samples, samplesPercent: Self.percent(Double(row.samples), of: samples),
        timePercent: Self.percent(Double(handling.totalNanoseconds), of: time),
        handling: handling, inGuest: row.inGuest.summary)
    }
    return ExitSortKey.sample.sorted(table)
  }

  private static func name(of key: ExitKey) -> String {
    switch (key.kind, key.address) {
    case (let kind, nil): return kind.name
    case (let kind, otherPlaces): return ExitKey(kind: kind, address: nil).name
    case (.kick, let cause?):
      return "kick:" + (KickReason(rawValue: cause)?.name ?? "cause-\(cause)")
    default: return key.name
    }
  }

  private static func percent(_ part: Double, of whole: Double) -> Double {
    whole > 0 ? 100 * part / whole : 0
  }
}
