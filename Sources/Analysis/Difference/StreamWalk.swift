internal import Trace

/// The walk along two deterministic streams up to their first difference.
///
/// It keeps nothing of what it passes but a place to come back to; what a report shows around the
/// difference is read again from there.
struct StreamWalk {
  /// Two streams whose current events are to be compared next.
  struct Place {
    var left: ComparedStream
    var right: ComparedStream
  }

  /// Where two streams part.
  struct Parting {
    /// The two streams at the difference.
    var place: Place
    /// The fields that differ; empty when one stream ends.
    var fields: [EventField]
  }

  /// Places to come back to are this many events apart.
  private static let interval: UInt64 = 4096

  private let mask: DifferenceMask
  /// Told now and then how many events were compared.
  var onProgress: ((UInt64) -> Void)?
  /// The last two places to come back to.
  private var places: [Place] = []
  private(set) var times = TimeDifference()

  init(_ mask: DifferenceMask) {
    self.mask = mask
  }

  /// Goes to the next difference.
  ///
  /// - Parameter place: where both streams are, their current events not compared yet.
  /// - Returns: `nil` when both end alike.
  mutating func run(from place: inout Place) throws(ReelDifferenceError) -> Parting? {
    while true {
      if places.isEmpty || place.left.position % Self.interval == 0 {
        if places.count == 2 { places.removeFirst() }
        places.append(place)
        onProgress?(place.left.position)
      }
      guard let first = place.left.event, let second = place.right.event else {
        return place.left.event == nil && place.right.event == nil
          ? nil : Parting(place: place, fields: [])
      }
      let fields = differences(first, second, place)
      if !fields.isEmpty { return Parting(place: place, fields: fields) }
      times.add(first, second)
      try Self.advance(&place)
    }
  }

  private func differences(_ first: Event, _ second: Event, _ place: Place) -> [EventField] {
    var fields = EventField.differences(first, second)
    if first.payloadLength > 0, first.payloadLength == second.payloadLength,
      place.left.payload != place.right.payload
    {
      fields.append(.payload)
    }
    guard !fields.isEmpty, !mask.isEmpty else { return fields }
    let hidden = mask.hidden(at: place.left.place)
    return fields.filter { !hidden.contains($0) }
  }

  static func advance(_ place: inout Place) throws(ReelDifferenceError) {
    try ReelDifference.reading(.a) { () throws(TraceError) in try place.left.advance() }
    try ReelDifference.reading(.b) { () throws(TraceError) in try place.right.advance() }
  }

  /// Reads once more what leads up to a difference.
  ///
  /// - Parameter count: common events to show before it.
  func closeUp(
    _ parting: Parting, context count: Int
  ) throws(ReelDifferenceError) -> FirstDifference {
    let end = parting.place.left.position
    var close =
      places.last { end - $0.left.position >= UInt64(count) } ?? places.first
      ?? parting.place
    close.left.lookClosely()
    close.right.lookClosely()
    var context: [EventRecord] = []
    var consoleTail = ""
    while close.left.position < end {
      if close.left.position + 1 == end { consoleTail = close.left.consoleTail }
      if end - close.left.position <= UInt64(count), let record = close.left.record {
        context.append(record)
      }
      try Self.advance(&close)
    }
    return FirstDifference(
      commonEvents: end, a: close.left.record, b: close.right.record, fields: parting.fields,
      context: context, hostMadeA: close.left.hostMade, hostMadeB: close.right.hostMade,
      consoleTail: consoleTail)
  }
}
