public import Trace

extension Explanation {
  /// Events looked at for the place an interrupt has moved to.
  private static var lookAhead: Int { 65_536 }

  /// The cause of a first difference, where the log itself holds it.
  ///
  /// An input stands in the log as the runner gave it, so that two that differ are a cause and no
  /// consequence that replay could tell more about.
  ///
  /// - Parameter devices: which device a port belongs to.
  /// - Returns: `nil` when the guests' own exits differ, whose cause lies before them.
  /// - Throws: ``ReelDifferenceError`` for a damaged block.
  public static func ofEvents(
    _ difference: FirstDifference, _ a: Reel, _ b: Reel, devices: DeviceNames?
  ) throws(ReelDifferenceError) -> Explanation? {
    guard let first = difference.a, let second = difference.b else {
      return ofEnd(difference)
    }
    if first.event.kind == .inputData, second.event.kind == .inputData {
      return try ofAnswers(first, second, a, devices)
    }
    if first.event.kind == .deviceWrite, second.event.kind == .deviceWrite {
      return Explanation(
        .deviceValue, .certain,
        summary: "a device wrote something else into memory: event \(first.index) of A, "
          + "\(second.index) of B"
      ).showing(["both writes stand in the logs, and everything before them is equal"])
    }
    return try ofInterrupts(difference, first, second, a, b)
  }

  private static func ofEnd(_ difference: FirstDifference) -> Explanation {
    let ended = difference.a == nil ? "A" : "B"
    return Explanation(
      .end, .certain,
      summary: "\(ended) ends after \(difference.commonEvents) common events, and the other goes on"
    ).showing(["every event that \(ended) has is equal in the other"])
  }

  private static func ofAnswers(
    _ first: EventRecord, _ second: EventRecord, _ reel: Reel, _ devices: DeviceNames?
  ) throws(ReelDifferenceError) -> Explanation? {
    let exit = try ReelDifference.reading(.a) { () throws(TraceError) in
      try reel.lastExit(before: first.index)
    }
    guard let exit else { return nil }
    let values = "A \(value(of: first)), B \(value(of: second))"
    let evidence = [
      "event \(first.index) of A and event \(second.index) of B are answers of the runner: \(values)",
      "both stand in the logs, and everything before them is equal",
    ]
    if first.event.value == second.event.value, first.payload == second.payload,
      first.event.timestamp != second.event.timestamp
    {
      return Explanation(
        .timestamp, .certain,
        summary: "the recorder gave the guest another timestamp: A \(first.event.timestamp), "
          + "B \(second.event.timestamp)"
      ).showing(evidence)
    }
    let (place, isInput) = described(exit, devices)
    return Explanation(
      isInput ? .input : .deviceValue, .certain,
      summary: isInput
        ? "the input differs: \(place) returned other data (\(values))"
        : "a device returned another value: \(place) (\(values))"
    ).showing(evidence)
  }

  private static func value(of record: EventRecord) -> String {
    record.payload.isEmpty
      ? HexWord(record.event.value).description
      : "0x" + HexBytes.text(of: record.payload.prefix(16)) + (record.payload.count > 16 ? "…" : "")
  }

  /// What was read, and whether what it returns comes from outside the machine.
  private static func described(_ exit: Event, _ devices: DeviceNames?) -> (String, Bool) {
    let address = HexWord(exit.address)
    switch exit.kind {
    case .portRead:
      let name = PortNames.name(of: exit.address, isWrite: false)
      let device = devices?.name(ofPort: exit.address)
      let isInput = exit.address == 0x3f8 || exit.address == 0x60
      return (
        "port \(address)" + (name.map { " (\($0))" } ?? "")
          + (device.map { " of device \($0)" } ?? ""), isInput
      )
    case .msrRead:
      return ("MSR \(address)" + (MSRNames.name(of: exit.address).map { " (\($0))" } ?? ""), false)
    default: return ("guest-physical address \(address)", false)
    }
  }

  // MARK: Interrupts

  private static func ofInterrupts(
    _ difference: FirstDifference, _ first: EventRecord, _ second: EventRecord, _ a: Reel, _ b: Reel
  ) throws(ReelDifferenceError) -> Explanation? {
    let placed: Set<EventKind> = [.interrupt, .windowRequest]
    let isFirst = placed.contains(first.event.kind)
    guard isFirst || placed.contains(second.event.kind) else { return nil }
    if first.event.kind == .interrupt, second.event.kind == .interrupt {
      return Explanation(
        .interruptVector, .certain,
        summary:
          "another interrupt came at the same place: vector \(HexWord(first.event.address)) in "
          + "A (event \(first.index)), \(HexWord(second.event.address)) in B (event \(second.index))"
      ).showing(["both injections stand in the logs, and everything before them is equal"])
    }
    let early = isFirst ? first : second
    let late = isFirst ? second : first
    let names = isFirst ? ("A", "B") : ("B", "A")
    let what =
      early.event.kind == .interrupt
      ? "interrupt vector \(HexWord(early.event.address))" : "the wait for an interrupt"
    let other = isFirst ? b : a
    let place = try ReelDifference.reading(isFirst ? .b : .a) { () throws(TraceError) in
      try other.next(early.event, from: late.index, within: lookAhead)
    }
    let there =
      place.map { "in \(names.1) it came \($0.exits) guest-made exits later, at event \($0.index)" }
      ?? "in \(names.1) it did not come within \(lookAhead) events"
    let hostMade = isFirst ? difference.hostMadeA : difference.hostMadeB
    let kicks = hostMade.count { $0.event.kind == .kick }
    return Explanation(
      .interruptPosition, .certain,
      summary: "\(what) came earlier in \(names.0), at event \(early.index); \(there)"
    ).showing(
      [
        "the injection is the runner's and stands in the log of \(names.0); everything before it is "
          + "equal"
      ]
        + (kicks > 0
          ? ["the host had stopped the guest there (kick), so the host chose the place"] : []))
  }

  private func showing(_ evidence: [String]) -> Explanation {
    var explanation = self
    explanation.evidence += evidence
    return explanation
  }
}

extension Reel {
  /// The last guest-made exit before an event, at most 64 events before it.
  fileprivate func lastExit(before index: EventIndex) throws(TraceError) -> Event? {
    var cursor = EventCursor(self, from: index > 64 ? index - 64 : 0)
    var last: Event?
    while let event = try cursor.next(), cursor.index < index {
      if event.kind.isGuestMade { last = event }
    }
    return last
  }

  /// The next event of a kind and address, with the guest-made exits before it.
  fileprivate func next(
    _ wanted: Event, from index: EventIndex, within limit: Int
  ) throws(TraceError) -> (index: EventIndex, exits: Int)? {
    var cursor = EventCursor(self, from: index)
    var exits = 0
    for _ in 0..<limit {
      guard let event = try cursor.next() else { return nil }
      if event.kind == wanted.kind, event.address == wanted.address { return (cursor.index, exits) }
      if event.kind.isGuestMade { exits += 1 }
    }
    return nil
  }
}
