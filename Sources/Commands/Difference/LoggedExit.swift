internal import Analysis
internal import Machine
internal import Replay
internal import Trace

/// The exit that A's log has next behind a moment at which the guests are equal.
///
/// Taking away what made the states part there shows that the first difference goes too only where
/// this exit is that difference. Further on other things may make it.
struct LoggedExit {
  /// Its event; `nil` when A's log ends before.
  private let event: Event?
  private let index: EventIndex
  /// The first difference of the logs, when it is behind this exit.
  private let laterDifference: EventIndex?

  /// - Parameter stop: A's guest there.
  /// - Throws: ``CommandFailure`` when the reel is damaged.
  init(_ memory: DiffMemory, after stop: GuestPair.Stop) throws {
    let found: (Event, EventIndex)? = try memory.guests.a.reading { reel in
      var cursor = EventCursor(reel, from: stop.verdict.lastEvent &+ 1)
      while let next = try cursor.next() {
        if next.kind.isGuestMade || next.kind.isInput { return (next, cursor.index) }
      }
      return nil
    }
    event = found?.0
    index = found?.1 ?? 0
    let first = memory.partsAt
    laterDifference = found == nil ? nil : first.flatMap { [index] in $0 > index ? $0 : nil }
  }

  /// Whether A's guest has made this exit.
  ///
  /// - Parameter comparesValue: false where what the guest writes may differ with each replay.
  func isMade(_ exit: Machine.ExitReason?, comparesValue: Bool) -> Bool {
    guard let event, let exit else { return false }
    return event.isLike(exit, comparesValue: comparesValue)
  }

  /// Why equal guests at this exit do not show that the first difference goes; one clause, `nil` when
  /// they do.
  var doubt: String? {
    laterDifference.map {
      "that exit is event \(index) of A, and the first difference is event \($0), which other "
        + "things may have made"
    }
  }
}
