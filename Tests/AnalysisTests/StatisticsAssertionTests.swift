import Testing
import Trace

@testable import Analysis

/// The expressions of `stats --assert`.
@Suite struct StatisticsAssertionTests {
  private typealias Query = StatisticsQuery

  private static let read: [(String, StatisticsQuery, StatisticsAssertion.Comparison, Double)] = [
    ("ioport:0x3f8 < 20000", Query(.count, of: .port(0x3f8, nil)), .less, 20000),
    ("p99(hlt) < 2ms", Query(.p99, of: .reason(.halt)), .less, 2e6),
    ("out >= 10", Query(.count, of: .reason(.portWrite)), .greaterOrEqual, 10),
    ("share(ioport:0x3f8:POUT) <= 40%", Query(.share, of: .port(0x3f8, .write)), .lessOrEqual, 0.4),
    ("share(in) != 0.25", Query(.share, of: .reason(.portRead)), .notEqual, 0.25),
    ("total(hlt) < 1s", Query(.total, of: .reason(.halt)), .less, 1e9),
    ("rate(vmexit) < 50k/s", Query(.rate, of: .allExits), .less, 50000),
    ("bytes(ioport:1016) < 1MB", Query(.bytes, of: .port(0x3f8, nil)), .less, 1e6),
    ("bytes(mmio) > 1.5KiB", Query(.bytes, of: .memory(nil, nil)), .greater, 1536),
    ("guest.p50(out) < 100us", Query(.p50, isInGuest: true, of: .reason(.portWrite)), .less, 1e5),
    ("irq:0x30 == 10", Query(.count, of: .interrupt(0x30)), .equal, 10),
    ("kernel:EPT_VIOLATION < 5k", Query(.count, of: .kernel("EPT_VIOLATION")), .less, 5000),
    ("gpa:0xfee00000:R<1", Query(.count, of: .memory(0xfee0_0000, .read)), .less, 1),
    ("msr:0x1b:W==0", Query(.count, of: .msr(0x1b, .write)), .equal, 0),
    ("kick < 3", Query(.count, of: .reason(.kick)), .less, 3),
    (" count ( kernel ) > 0.5M ", Query(.count, of: .kernel(nil)), .greater, 5e5),
    ("p99.9(symbol:do_idle) < 0.3 us", Query(.p999, of: .symbol("do_idle")), .less, 300),
    ("mean(device:COM1) < 0", Query(.mean, of: .device("COM1")), .less, 0),
    ("kick\n<\t3", Query(.count, of: .reason(.kick)), .less, 3),
    (
      "max(phase:\"early <boot>\")<1us", Query(.maximum, of: .phase("early <boot>")), .less, 1000
    ),
    ("min(symbol:ns::f) > 1ns", Query(.minimum, of: .symbol("ns::f")), .greater, 1),
  ]

  @Test(arguments: read.indices) func reads(_ index: Int) throws {
    let (text, query, comparison, bound) = Self.read[index]
    let assertion = try StatisticsAssertion(parsing: text)
    #expect(assertion.query == query && assertion.comparison == comparison, "\(text)")
    #expect(assertion.bound == bound, "\(text)")
  }

  /// Each expression, where its error is, and a part of the message.
  @Test(arguments: [
    ("", 0, "what to compare is missing"),
    ("   < 3", 3, "what to compare is missing"),
    ("outt < 3", 0, "there is no \"outt\"; there are vmexit, out, in, "),
    ("input < 3", 0, "there is no \"input\""),
    ("p98(hlt) < 3ms", 0, "there is no function \"p98\"; there are count, "),
    ("guest.count(hlt) < 3", 0, "guest. goes with times only"),
    ("p99() < 3ms", 4, "a subject is missing"),
    ("p99(hlt < 3ms", 8, "a ) is missing"),
    ("p99(hlt)) < 3ms", 8, "a comparison is wanted here"),
    ("p99(hlt) =< 3ms", 9, "a comparison is wanted here"),
    ("hlt", 3, "a comparison is wanted here"),
    ("hlt <", 5, "a number of 0 or more"),
    ("hlt < -3", 6, "a number of 0 or more"),
    ("hlt < 3.", 8, "digits are missing"),
    ("hlt < 1234567890123456", 6, "more than 15 digits"),
    ("hlt < 3ms", 7, "\"ms\" does not fit: a count takes"),
    ("p99(hlt) < 3", 12, "the time needs a unit"),
    ("p99(hlt) < 3%", 12, "\"%\" does not fit: a time takes ns"),
    ("share(hlt) < 3ms", 14, "a share takes %"),
    ("rate(hlt) < 3kB/s", 13, "a rate takes /s"),
    ("bytes(out) < 3M", 14, "bytes take B"),
    ("bytes(hlt) < 3MB", 6, "this moves no bytes"),
    ("hlt < 3 4", 8, "does not fit"),
    ("hlt < 3k 4", 9, "nothing may follow"),
    ("port:0x3f8 < 1", 0, "there is no \"port:\"; there are ioport:"),
    ("ioport:COM1 < 1", 7, "after ioport: comes a number"),
    ("ioport:+5 < 1", 7, "after ioport: comes a number"),
    ("ioport:0x < 1", 7, "after ioport: comes a number"),
    ("ioport:0x10000 < 1", 7, "ioport: goes up to 0xffff"),
    ("ioport:0x3f8:W < 1", 13, "the direction is :POUT or :PIN"),
    ("mmio:0x3f8:R:R < 1", 11, "the direction is :W or :R"),
    ("irq:0x100 < 1", 4, "irq: goes up to 0xff"),
    ("irq:0x30:R < 1", 8, "an irq has no direction"),
    ("symbol: < 1", 7, "a name is missing after symbol:"),
    ("phase:\"a < 1", 6, "the quote is not closed"),
  ]) func saysWhatIsWrongAndWhere(_ text: String, _ offset: Int, _ message: String) throws {
    let error = try #require(throws: StatisticsAssertionError.self) {
      try StatisticsAssertion(parsing: text)
    }
    #expect(error.offset == offset && error.message.contains(message), "\(text): \(error)")
  }

  @Test func drawsACaret() {
    #expect(throws: StatisticsAssertionError.self) {
      try StatisticsAssertion(parsing: String(repeating: "x", count: 1001))
    }
    do {
      _ = try StatisticsAssertion(parsing: "p99(hlt)\n< 2\u{1b}m")
      Issue.record("it was read")
    } catch {
      #expect(
        error.description == """
          a control character may not stand here
            p99(hlt) < 2 m
                        ^
          """)
    }
  }

  private func outcome(_ text: String, _ reading: StatisticsReading) throws -> String {
    let assertion = try StatisticsAssertion(parsing: text)
    let outcome = assertion.evaluate { query in
      #expect(query == assertion.query)
      return reading
    }
    #expect(outcome.text.hasPrefix(outcome.holds ? "passed: " : "failed: "))
    return outcome.text
  }

  @Test func comparesWithTheStatistics() throws {
    #expect(
      try outcome("p99(hlt)  <  2ms", .value(3_412_000, samples: 118))
        == "failed: p99(hlt) < 2ms: it is 3.412 ms (118 samples)")
    #expect(
      try outcome("p99(hlt) < 2ms", .value(2_000_010, samples: 1))
        == "failed: p99(hlt) < 2ms: it is 2.000010 ms (1 sample)")
    #expect(
      try outcome("ioport:0x3f8 < 20000", .value(19999, samples: 19999))
        == "passed: ioport:0x3f8 < 20000: it is 19999")
    #expect(
      try outcome("share(out) <= 40%", .value(1 / 3, samples: 5))
        == "passed: share(out) <= 40%: it is 33.333% (5 samples)")
    #expect(
      try outcome("rate(out) > 1k/s", .value(999.5, samples: 5))
        == "failed: rate(out) > 1k/s: it is 999.500/s (5 samples)")
    #expect(
      try outcome("bytes(out) == 5B", .value(5, samples: 5))
        == "passed: bytes(out) == 5B: it is 5 B (5 samples)")
    #expect(try outcome("total(hlt) < 2s", .value(2.5e9, samples: 2)).contains("2.500 s"))
    #expect(try outcome("max(hlt) < 2s", .value(17, samples: 2)).contains("17 ns"))
    #expect(try outcome("max(hlt) < 2s", .value(.infinity, samples: 2)).hasPrefix("failed"))
  }

  @Test func nothingIsZeroExitsButNoTime() throws {
    #expect(try outcome("kick < 3", .absent) == "passed: kick < 3: it is 0, as there is none")
    #expect(try outcome("kick > 3", .absent) == "failed: kick > 3: it is 0, as there is none")
    #expect(try outcome("total(hlt) == 0", .absent).hasPrefix("passed"))
    #expect(
      try outcome("p99(hlt) < 2ms", .absent)
        == "failed: p99(hlt) < 2ms: there is none, so it has no p99")
    #expect(
      try outcome("p99(hlt) < 2ms", .unavailable("the reel has no host times"))
        == "failed: p99(hlt) < 2ms: the reel has no host times")
  }

  @Test(arguments: [
    ("<", [true, false, false]), ("<=", [true, true, false]), (">", [false, false, true]),
    (">=", [false, true, true]), ("==", [false, true, false]), ("!=", [true, false, true]),
  ]) func everyComparison(_ sign: String, _ expected: [Bool]) throws {
    let assertion = try StatisticsAssertion(parsing: "hlt\(sign)5")
    let held = [4.0, 5, 6].map { value in
      assertion.evaluate { _ in .value(value, samples: 1) }.holds
    }
    #expect(held == expected)
  }
}
