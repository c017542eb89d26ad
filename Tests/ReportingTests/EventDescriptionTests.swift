import Analysis
import Reporting
import Testing
import Trace

@Suite struct EventDescriptionTests {
  private func describe(
    _ kind: EventKind, _ change: (inout Event) -> Void, payload: [UInt8] = [],
    times: Bool = false
  ) -> EventDescription {
    var event = Event(kind)
    event.rip = 0x1004
    event.check = 0xef
    change(&event)
    event.payloadLength = UInt32(payload.count)
    return EventDescription(
      EventRecord(index: 42, event: event, payload: payload), times: times)
  }

  private var consoleWrite: EventDescription {
    describe(.portWrite) {
      $0.address = 0x3f8
      $0.width = 1
      $0.value = 0x41
      $0.stream = 1
    }
  }

  @Test func aConsoleWrite() {
    #expect(consoleWrite.line == "      42 out            0x3f8:1 COM1 THR = 0x41 'A' rip=0x1004")
    #expect(
      consoleWrite.jsonLine
        == #"{"index":42,"kind":"out","stream":1,"width":1,"address":"0x3f8","name":"COM1 THR","#
        + #""value":"0x41","rip":"0x1004","check":"0xef"}"#)
    #expect(consoleWrite.csvRow == "42,out,0,1,1,0,0x3f8,COM1 THR,0x41,,0x0,0,0,0,0x1004,0xef,")
  }

  @Test func timesOnlyWhenAskedFor() {
    let set: (inout Event) -> Void = {
      $0.entryTime = 5
      $0.exitTime = 9
    }
    #expect(!describe(.halt, set).line.contains("ns"))
    #expect(!describe(.halt, set).jsonLine.contains("Nanoseconds"))
    let timed = describe(.halt, set, times: true)
    #expect(timed.line.hasSuffix("rip=0x1004 entry=5ns exit=9ns"))
    #expect(timed.jsonLine.hasSuffix(#""entryNanoseconds":5,"exitNanoseconds":9}"#))
    let columns = EventDescription.csvHeading(times: true).split(separator: ",").count
    let cells = timed.csvRow.split(separator: ",", omittingEmptySubsequences: false).count
    #expect(cells == columns)
  }

  @Test func otherKinds() {
    #expect(describe(.msrRead) { $0.address = 0xc000_0080 }.line.contains("0xc0000080 EFER"))
    #expect(describe(.interrupt) { $0.address = 0x8 }.line.hasSuffix("interrupt      vector 0x08"))
    let late = describe(.interrupt) {
      $0.address = 0x20
      $0.waited = 3
    }
    #expect(late.line.hasSuffix("interrupt      vector 0x20 waited 3 events"))
    #expect(late.jsonLine.contains(#""address":"0x20","waited":3,"rip""#))
    #expect(late.csvRow.contains(",0,0,3,0x1004,"))
    #expect(describe(.interrupt) { $0.waited = 1 }.line.hasSuffix("waited 1 event"))
    #expect(describe(.kick) { $0.address = 0 }.line.contains("kick           quantum"))
    #expect(describe(.keyframe) { $0.address = 3 }.line.hasSuffix("keyframe       #3"))
    #expect(
      describe(
        .portWrite,
        {
          $0.address = 0xe9; $0.width = 1; $0.stream = 2; $0.count = 3
        },
        payload: [0x61, 0x0a, 0x1b]
      ).line.contains(#"0xe9:1x3 debug console = [61 0a 1b] 'a\n\x1b'"#))
    let unknown = describe(EventKind(rawValue: 29)) { $0.value = .max }
    #expect(unknown.line.contains("kind-29        address=0x0 value=0xffffffffffffffff"))
    #expect(unknown.jsonLine.contains(#""value":"0xffffffffffffffff""#))
  }

  /// The context of a divergence report holds events without their payloads.
  @Test func aPayloadThatIsNotAtHand() {
    var event = Event(.portWrite)
    event.address = 0x3f8
    event.width = 1
    event.count = 3
    event.payloadLength = 3
    let line = EventDescription(EventRecord(index: 1, event: event)).line
    #expect(line.contains("0x3f8:1x3 COM1 THR = [3 bytes]"))
  }

  @Test func escapes() {
    #expect(EscapedText.json("a\"\\\n\u{1}é\u{2028}") == #""a\"\\\n\u0001é\u2028""#)
    #expect(EscapedText.csv("a,\"b\"") == #""a,""b""""#)
    #expect(EscapedText.csv("plain") == "plain")
    #expect(EscapedText.terminal("\u{1b}[31m\n") == #"\u{1b}[31m\n"#)
  }
}
