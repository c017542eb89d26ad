/// Follows a recording event by event, and says which phase it is in.
///
/// The first phase is `start`. A marker begins its phase when it first matches, and not again; the
/// phases are in the order in which that happens. What is kept is a number for each marker and
/// console: the bytes of a text matched so far.
///
/// Feed an event's console bytes or port write, then ``begin(event:)`` of the next; an exit belongs
/// to the phase that it begins.
public struct PhaseMatcher: Sendable {
  /// The name of the phase before any marker.
  public static let firstPhase = "start"

  private var waiting: [Waiting]
  /// The phases so far, in the order in which they began; the last is the current one.
  public private(set) var phases = [Self.firstPhase]

  private struct Waiting: Sendable {
    let marker: PhaseMarker
    /// Where to go on in the text after a byte that does not fit (Knuth–Morris–Pratt).
    var fallback: [Int] = []
    /// By console, as far as one has written.
    var matched: [Int] = []
  }

  /// - Throws: ``PhaseMarkerError/duplicate(_:)``.
  public init(_ markers: [PhaseMarker]) throws(PhaseMarkerError) {
    waiting = []
    for marker in markers {
      if waiting.contains(where: { $0.marker.name == marker.name }) {
        throw .duplicate(marker.name)
      }
      guard case .console(let text) = marker.trigger else {
        waiting.append(Waiting(marker: marker))
        continue
      }
      waiting.append(Waiting(marker: marker, fallback: Self.fallback(text)))
    }
  }

  /// The number of the current phase, from 0, in ``phases``.
  public var current: Int { phases.count - 1 }

  /// The markers that have not matched, in the order they were given.
  public var unmatched: [PhaseMarker] { waiting.map(\.marker) }

  /// An event begins; numbers ascend, and those between two need not be told.
  public mutating func begin(event: UInt64) {
    settle { marker in
      if case .event(let number) = marker.trigger { number <= event } else { false }
    }
  }

  /// The guest wrote to a port; bits of the value beyond 32 are ignored.
  public mutating func write(port: UInt64, value: UInt64) {
    settle { marker in
      marker.trigger == .port(UInt16(clamping: port), value: value & 0xffff_ffff) && port <= 0xffff
    }
  }

  /// The guest wrote a byte to a console; a text is looked for on each console by itself.
  ///
  /// Of several markers that end at one byte, the one given last names the current phase.
  public mutating func write(console byte: UInt8, stream: UInt8) {
    let console = Int(stream)
    var hasEnded = false
    for index in waiting.indices {
      guard case .console(let text) = waiting[index].marker.trigger else { continue }
      while waiting[index].matched.count <= console { waiting[index].matched.append(0) }
      var matched = waiting[index].matched[console]
      while matched > 0, text[matched] != byte { matched = waiting[index].fallback[matched - 1] }
      if text[matched] == byte { matched += 1 }
      waiting[index].matched[console] = matched
      if matched == text.count {
        phases.append(waiting[index].marker.name)
        hasEnded = true
      }
    }
    guard hasEnded else { return }
    waiting.removeAll {
      if case .console(let text) = $0.marker.trigger {
        $0.matched[console] == text.count
      } else {
        false
      }
    }
  }

  /// Begins the phases of the markers that match, in the order they were given.
  private mutating func settle(_ matches: (PhaseMarker) -> Bool) {
    var index = 0
    while index < waiting.count {
      if matches(waiting[index].marker) {
        phases.append(waiting.remove(at: index).marker.name)
      } else {
        index += 1
      }
    }
  }

  private static func fallback(_ text: [UInt8]) -> [Int] {
    var fallback = [Int](repeating: 0, count: text.count)
    var length = 0
    for index in text.indices.dropFirst() {
      while length > 0, text[index] != text[length] { length = fallback[length - 1] }
      if text[index] == text[length] { length += 1 }
      fallback[index] = length
    }
    return fallback
  }
}
