import Testing

@testable import Analysis

/// Phases of a recording, and what begins them.
@Suite struct PhaseMarkerTests {
  private func matcher(_ markers: String...) throws -> PhaseMatcher {
    try PhaseMatcher(try markers.map { try PhaseMarker(parsing: $0) })
  }

  @Test func readsMarkers() throws {
    #expect(
      try PhaseMarker(parsing: "kernel=console:a=b:c").trigger == .console(Array("a=b:c".utf8)))
    #expect(try PhaseMarker(parsing: "kernel=console:x").name == "kernel")
    #expect(try PhaseMarker(parsing: "i=port:0x80:49").trigger == .port(0x80, value: 0x31))
    #expect(try PhaseMarker(parsing: "i=event:1042").trigger == .event(1042))
  }

  @Test(
    arguments: [
      ("kernel", .noName("kernel")), ("=event:1", .noName("=event:1")),
      ("start=event:1", .reservedName), ("a=event", .unknownTrigger("event")),
      ("a=text:b", .unknownTrigger("text:b")), ("a=console:", .badText),
      ("a=port:0x80", .badPort("0x80")), ("a=port:0x10000:1", .badPort("0x10000:1")),
      ("a=port:1:0x100000000", .badPort("1:0x100000000")), ("a=port:+1:1", .badPort("+1:1")),
      ("a=event:-1", .badEvent("-1")), ("a=event:0x", .badEvent("0x")),
    ] as [(String, PhaseMarkerError)]) func refuses(_ text: String, _ error: PhaseMarkerError)
  {
    #expect(throws: error) { try PhaseMarker(parsing: text) }
    #expect(!error.description.isEmpty)
  }

  @Test func refusesTwoOfAName() throws {
    #expect(throws: PhaseMarkerError.duplicate("a")) { try matcher("a=event:1", "a=event:2") }
    let long = "a=console:" + String(repeating: "x", count: 4097)
    #expect(throws: PhaseMarkerError.badText) { try PhaseMarker(parsing: long) }
  }

  @Test func phasesBeginInTheOrderOfTheirMarkers() throws {
    var phases = try matcher("late=event:10", "init=console:Run /init", "bios=port:0x80:0x31")
    #expect(phases.phases == ["start"] && phases.current == 0)
    phases.begin(event: 1)
    phases.write(port: 0x80, value: 0x30)
    phases.write(port: 0x1_0080, value: 0x31)
    phases.write(port: 0x81, value: 0x31)
    #expect(phases.current == 0)
    phases.write(port: 0x80, value: 0x31)
    phases.write(port: 0x80, value: 0x31)
    #expect(phases.phases == ["start", "bios"], "it begins once")
    for byte in "Run Run /in".utf8 { phases.write(console: byte, stream: 1) }
    phases.begin(event: 9)
    #expect(phases.current == 1)
    for byte in "it as init; Run /init".utf8 { phases.write(console: byte, stream: 1) }
    #expect(phases.phases == ["start", "bios", "init"])
    #expect(phases.unmatched.map(\.name) == ["late"])
    phases.begin(event: 500)
    #expect(phases.phases.last == "late" && phases.current == 3 && phases.unmatched == [])
  }

  @Test func findsTextsThatOverlap() throws {
    var phases = try matcher("b=console:aab", "c=console:ab", "d=console:aaaa")
    for byte in "aaa".utf8 { phases.write(console: byte, stream: 1) }
    #expect(phases.current == 0)
    phases.write(console: UInt8(ascii: "b"), stream: 1)
    #expect(phases.phases == ["start", "b", "c"], "both end here, the last given is current")
    for byte in "aaaa".utf8 { phases.write(console: byte, stream: 1) }
    #expect(phases.phases.last == "d")
  }

  /// What two consoles print at the same time is not one text.
  @Test func findsTextsOnEachConsoleByItself() throws {
    var phases = try matcher("a=console:abc")
    for (byte, stream) in zip("ab".utf8, [1, 2] as [UInt8]) {
      phases.write(console: byte, stream: stream)
    }
    phases.write(console: UInt8(ascii: "c"), stream: 1)
    #expect(phases.current == 0)
    for byte in "abc".utf8 {
      #expect(phases.current == 0)
      phases.write(console: byte, stream: 255)
      phases.write(console: UInt8(ascii: "x"), stream: 1)
    }
    #expect(phases.phases == ["start", "a"])
  }
}
