internal import Trace

/// Events counted by kind and place.
struct EventTally {
  private struct Key: Hashable {
    var kind: EventKind
    var space: DifferenceMask.Space?
    var address: UInt64
  }

  private var rows: [Key: Int] = [:]
  private var runs: [EventHunk.Run] = []
  /// What the answer that may come next was read by.
  private var read: Int?

  /// Counts an event; the answer to a read counts with the read.
  mutating func add(_ event: Event, at place: EventPlace) {
    if event.kind == .inputData, let read, runs[read].space == place.space,
      runs[read].place?.value == place.address
    {
      runs[read].answers += 1
      return
    }
    let key = Key(kind: event.kind, space: place.space, address: place.address)
    guard let row = rows[key] ?? newRow(key) else {
      read = nil
      return
    }
    runs[row].count += 1
    read = event.kind.isGuestMade ? row : nil
  }

  private mutating func newRow(_ key: Key) -> Int? {
    guard runs.count < EventHunk.maximumTally else { return nil }
    rows[key] = runs.count
    runs.append(
      EventHunk.Run(
        kind: key.kind.name, space: key.space,
        place: key.space == nil ? nil : HexWord(key.address), count: 0))
    return runs.count - 1
  }

  /// The rows with the most events, those met first before others of as many.
  func mostFrequent(_ limit: Int) -> [EventHunk.Run] {
    let order = runs.indices.sorted { (runs[$1].count, $0) < (runs[$0].count, $1) }
    return order.prefix(limit).map { runs[$0] }
  }
}
