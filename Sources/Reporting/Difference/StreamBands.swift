internal import Analysis
internal import Trace

/// What connects the timelines of two streams: bands from the events of one to those of the other.
///
/// Stretches that would be drawn over each other are one band, so their number is bounded by the
/// width of the picture, however many stretches there are.
struct StreamBands {
  /// Stretches that differ and lie closer together than can be seen.
  struct Band {
    /// The first stretch, counted from 1.
    var first: Int
    /// The last.
    var last: Int
    var a: Range<EventIndex>
    var b: Range<EventIndex>
    /// The stretches by what happened.
    var stretches: [EventHunk.Change: Int] = [:]
    /// The events by what happened.
    var events: [EventHunk.Change: Int] = [:]

    /// What happened to most events.
    var change: EventHunk.Change {
      EventHunk.Change.all.max { events[$0, default: 0] < events[$1, default: 0] } ?? .changed
    }
  }

  /// The coordinates of the picture from left to right.
  static let width = 2400
  /// Closer together, bands are one.
  private static let resolution = 4
  /// Bands drawn at most, and as many moves.
  private static let maximumBands = 2400

  private let origin: EventIndex
  private let span: Double
  /// What differs, in order, what moved aside.
  private(set) var bands: [Band] = []
  /// What moved, in order; those that are drawn alike are one.
  private(set) var moves: [Band] = []
  /// Moves that are not drawn, there being too many.
  private(set) var omittedMoves = 0
  /// What is the same, between the bands.
  private(set) var common: [(a: Range<EventIndex>, b: Range<EventIndex>)] = []

  /// - Parameters:
  ///   - origin: the event at the left edge.
  ///   - span: the events from there to the right edge.
  init(_ map: StreamMap, origin: EventIndex, span: Double) {
    self.origin = origin
    self.span = max(1, span)
    for (number, stretch) in map.stretches.enumerated() {
      if stretch.change == .moved {
        addMove(stretch, number + 1)
      } else {
        add(stretch, number + 1)
      }
    }
    var (startA, startB) = (map.a.lowerBound, map.b.lowerBound)
    func close(_ endA: EventIndex, _ endB: EventIndex) {
      if startA < endA, startB < endB { common.append((startA..<endA, startB..<endB)) }
    }
    for band in bands {
      close(band.a.lowerBound, band.b.lowerBound)
      startA = max(startA, band.a.upperBound)
      startB = max(startB, band.b.upperBound)
    }
    close(map.a.upperBound, map.b.upperBound)
  }

  /// Where an event lies in the picture.
  func place(of event: EventIndex) -> Int {
    guard event > origin else { return 0 }
    return Int(min(1, Double(event - origin) / span) * Double(Self.width))
  }

  private mutating func add(_ stretch: StreamMap.Stretch, _ number: Int) {
    guard let last = bands.indices.last else {
      bands.append(Band(stretch, number))
      return
    }
    // A side without events is a place between others: it never goes back behind them.
    var stretch = stretch
    if stretch.a.isEmpty { stretch.a = Self.empty(stretch.a, notBefore: bands[last].a) }
    if stretch.b.isEmpty { stretch.b = Self.empty(stretch.b, notBefore: bands[last].b) }
    let isNear = isNear(bands[last].a, stretch.a) && isNear(bands[last].b, stretch.b)
    if isNear || bands.count == Self.maximumBands {
      bands[last].add(stretch, number)
    } else {
      bands.append(Band(stretch, number))
    }
  }

  private static func empty(
    _ place: Range<EventIndex>, notBefore range: Range<EventIndex>
  ) -> Range<EventIndex> {
    let event = max(place.lowerBound, range.upperBound)
    return event..<event
  }

  private mutating func addMove(_ stretch: StreamMap.Stretch, _ number: Int) {
    if let last = moves.indices.last, isNear(moves[last].a, stretch.a),
      isNear(moves[last].b, stretch.b)
    {
      moves[last].add(stretch, number)
    } else if moves.count < Self.maximumBands {
      moves.append(Band(stretch, number))
    } else {
      omittedMoves += 1
    }
  }

  private func isNear(_ before: Range<EventIndex>, _ next: Range<EventIndex>) -> Bool {
    abs(place(of: next.lowerBound) - place(of: before.upperBound)) < Self.resolution
  }

  /// The outline of a band from top to bottom, of a picture of height 100.
  func outline(_ a: Range<EventIndex>, _ b: Range<EventIndex>) -> String {
    let (a0, a1) = (place(of: a.lowerBound), place(of: a.upperBound))
    let (b0, b1) = (place(of: b.lowerBound), place(of: b.upperBound))
    return "M\(a0) 0C\(a0) 50 \(b0) 50 \(b0) 100H\(b1)C\(b1) 50 \(a1) 50 \(a1) 0Z"
  }

  /// Where the stretches of one kind lie in one stream, of a picture of height 1.
  ///
  /// - Parameter events: a stretch's events in that stream.
  func marks(
    of stretches: [StreamMap.Stretch], _ change: EventHunk.Change,
    _ events: (StreamMap.Stretch) -> Range<EventIndex>
  ) -> String {
    var path = ""
    var mark: Range<Int>?
    func draw() {
      if let mark { path += "M\(mark.lowerBound) 0H\(mark.upperBound)V1H\(mark.lowerBound)Z" }
    }
    for stretch in stretches where stretch.change == change {
      let range = events(stretch)
      guard !range.isEmpty else { continue }
      let start = place(of: range.lowerBound)
      let end = max(start + Self.resolution, place(of: range.upperBound))
      if let before = mark, start >= before.lowerBound, start <= before.upperBound {
        mark = before.lowerBound..<max(before.upperBound, end)
      } else {
        draw()
        mark = start..<end
      }
    }
    draw()
    return path
  }
}

extension StreamBands.Band {
  fileprivate init(_ stretch: StreamMap.Stretch, _ number: Int) {
    first = number
    last = number
    a = stretch.a
    b = stretch.b
    count(stretch)
  }

  fileprivate mutating func add(_ stretch: StreamMap.Stretch, _ number: Int) {
    last = number
    a = min(a.lowerBound, stretch.a.lowerBound)..<max(a.upperBound, stretch.a.upperBound)
    b = min(b.lowerBound, stretch.b.lowerBound)..<max(b.upperBound, stretch.b.upperBound)
    count(stretch)
  }

  private mutating func count(_ stretch: StreamMap.Stretch) {
    stretches[stretch.change, default: 0] += 1
    events[stretch.change, default: 0] += stretch.count
  }

  /// What a reader is told of it.
  var sentence: String {
    let places = "A \(Self.text(a)), B \(Self.text(b))"
    let counts = EventHunk.Change.all.compactMap { change in
      events[change].map { "\(NumberText.count(UInt64($0), "event")) \(change.rawValue)" }
    }.joined(separator: ", ")
    let number = first == last ? "Stretch \(first)" : "Stretches \(first) to \(last)"
    return "\(number): \(counts); \(places)"
  }

  static func text(_ range: Range<EventIndex>) -> String {
    range.isEmpty
      ? "before \(range.lowerBound)"
      : range.upperBound - range.lowerBound == 1
        ? "\(range.lowerBound)" : "\(range.lowerBound)–\(range.upperBound - 1)"
  }
}

extension EventHunk.Change {
  /// All, in the order of a legend; of equally many events, the last names the band.
  static let all: [EventHunk.Change] = [.moved, .changed, .inserted, .deleted, .replaced]
}
