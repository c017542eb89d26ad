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
    /// The events in it that differ, of A and of B; what lies between its stretches is the same.
    var lengths: (a: UInt64, b: UInt64) = (0, 0)

    /// What happened to most events.
    var change: EventHunk.Change {
      EventHunk.Change.all.max { events[$0, default: 0] < events[$1, default: 0] } ?? .changed
    }
  }

  /// The coordinates of the picture from left to right.
  static let width = 2400
  /// Closer together, bands are one.
  private static let resolution = 4
  /// A band takes in no stretch further behind its first: what lies between them would not show.
  private static let grain = 24
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
  private(set) var common: [Common] = []

  /// Events that are the same.
  struct Common {
    var a: Range<EventIndex>
    var b: Range<EventIndex>
    /// The stretches that differ after all and are drawn in the band before.
    var aside: ClosedRange<Int>?
  }

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
    var aside: ClosedRange<Int>?
    func close(_ endA: EventIndex, _ endB: EventIndex) {
      guard startA < endA, startB < endB else { return }
      common.append(Common(a: startA..<endA, b: startB..<endB, aside: aside))
    }
    for band in bands {
      close(band.a.lowerBound, band.b.lowerBound)
      startA = max(startA, band.drawnA.upperBound)
      startB = max(startB, band.drawnB.upperBound)
      aside = band.first < band.last ? band.first...band.last : nil
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
    let isShort = [
      (bands[last].a, stretch.a), (bands[last].b, stretch.b),
    ].allSatisfy { place(of: $1.lowerBound) - place(of: $0.lowerBound) < Self.grain }
    if isNear && isShort || bands.count == Self.maximumBands {
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

  /// What differs in each of so many intervals of one stream: how many events, by what happened.
  ///
  /// - Parameter events: a stretch's events in that stream.
  func marks(
    of stretches: [StreamMap.Stretch], intervals: Int,
    _ events: (StreamMap.Stretch) -> Range<EventIndex>
  ) -> [[EventHunk.Change: UInt64]] {
    var marks = [[EventHunk.Change: UInt64]](repeating: [:], count: intervals)
    let length = span / Double(max(1, intervals))
    for stretch in stretches {
      let range = events(stretch)
      guard !range.isEmpty, range.lowerBound >= origin else { continue }
      let start = Double(range.lowerBound - origin) / length
      let end = Double(range.upperBound - origin) / length
      let first = min(Int(min(start, 1e6)), intervals)
      let last = max(first, min(Int(min(end, 1e6).rounded(.up)), intervals))
      for interval in first..<last {
        let share = min(end, Double(interval + 1)) - max(start, Double(interval))
        marks[interval][stretch.change, default: 0] += UInt64(max(1, share * length))
      }
    }
    return marks
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

  /// Where it is drawn in A: as wide as what differs, so that much that is the same shows as such.
  var drawnA: Range<EventIndex> { Self.drawn(a, lengths.a) }

  /// Where it is drawn in B.
  var drawnB: Range<EventIndex> { Self.drawn(b, lengths.b) }

  private static func drawn(_ range: Range<EventIndex>, _ length: UInt64) -> Range<EventIndex> {
    range.lowerBound..<range.lowerBound + min(length, range.upperBound - range.lowerBound)
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
    lengths.a &+= stretch.a.upperBound - stretch.a.lowerBound
    lengths.b &+= stretch.b.upperBound - stretch.b.lowerBound
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
