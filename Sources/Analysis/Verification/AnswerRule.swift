internal import Trace

/// What TRACE-FORMAT demands of a read and its answer: they stand together, and are equally large.
enum AnswerRule {
  /// What is wrong with an event after another, as the end of a sentence that begins with it; `nil`
  /// when nothing is.
  static func breach(in event: Event, after last: Event) -> String? {
    let isAnswer = event.kind == .inputData
    guard last.kind.expectsInput else {
      // A kind this version does not know may be a read.
      let isKnown = EventKind.names.contains { $0.kind == last.kind }
      return isAnswer && isKnown ? "an answer follows \(last.kind.name), which is no read" : nil
    }
    guard isAnswer else { return "no answer follows the \(last.kind.name) before it" }
    let isTimestamp = event.width == 8 && isTimestampRead(last)
    let width = last.kind == .msrRead ? 8 : last.width
    guard event.count == last.count, event.width == width || isTimestamp else {
      return "the answer is not as large as the \(last.kind.name) before it"
    }
    return nil
  }

  /// Whether an event reads the timestamp counter by the port that stands for RDTSC.
  private static func isTimestampRead(_ event: Event) -> Bool {
    event.kind == .portRead && event.address == PortNames.timestampPort && event.width == 4
      && event.count == 0
  }
}
