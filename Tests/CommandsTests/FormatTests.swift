import FoundationEssentials
import Testing

extension ProgramTests {
  /// The formats other programs read.
  @Suite(.needsKVM) struct Formats {
    private static let readers = [
      ["info", "t.reel"], ["info", "t.reel", "--format", "json"],
      ["stats", "t.reel"], ["stats", "t.reel", "--format", "json"],
      ["stats", "t.reel", "--format", "csv"],
      ["stats", "t.reel", "--event", "ioport", "-k", "time"],
      ["stats", "t.reel", "-F", "sample,p50,p999", "--view", "guest", "--top", "2"],
      ["stats", "t.reel", "--by", "reason,port", "--format", "md"],
      ["stats", "t.reel", "--interval", "100us"], ["stats", "t.reel", "--slower-than", "1us"],
      ["dump", "t.reel"], ["dump", "t.reel", "--format", "json", "--times"],
      ["dump", "t.reel", "--format", "csv"], ["dump", "t.reel", "--console"],
      ["diff", "t.reel", "u.reel"], ["diff", "t.reel", "u.reel", "--format", "json"],
      ["verify", "t.reel"], ["verify", "t.reel", "--format", "json"],
    ]

    private func recordTwo() throws -> TestDirectory {
      let directory = try TestDirectory()
      try directory.vmreel("record", "--guest", "ticker", "-o", "t.reel").expectSuccess()
      try directory.vmreel("record", "--guest", "mmio", "-o", "u.reel").expectSuccess()
      return directory
    }

    /// Two runs give equal bytes: no clock, no address, no order of a hash table may show.
    ///
    /// Nor may an escape sequence, since no terminal is there to obey it.
    @Test func outputIsDeterministicAndPlain() throws {
      let directory = try recordTwo()
      for arguments in Self.readers {
        let first = try directory.vmreel(arguments)
        let second = try directory.vmreel(arguments, environment: ["NO_COLOR=1", "TERM=xterm"])
        #expect(!first.output.isEmpty, "\(arguments): \(first.story)")
        #expect(first.output == second.output, "\(arguments)")
        #expect(first.status == second.status && first.errors == second.errors, "\(arguments)")
        #expect(!first.output.contains(0x1b), "\(arguments)")
      }
      for arguments in [["replay", "t.reel"], ["guests"], ["doctor"], ["--help"]] {
        let run = try directory.vmreel(arguments)
        #expect(!run.output.contains(0x1b) && !run.errors.contains("\u{1b}"), "\(arguments)")
      }
    }

    /// Every row has as many fields as the heading; a quoted field may hold commas.
    @Test func rowsOfCSV() throws {
      let directory = try recordTwo()
      for arguments in [
        ["stats", "t.reel", "--format", "csv"], ["dump", "u.reel", "--format", "csv"],
        ["dump", "t.reel", "--format", "csv", "--times"], ["guests", "--format", "csv"],
      ] {
        let run = try directory.vmreel(arguments)
        let counts = run.text.split(separator: "\n").map(fieldCount)
        #expect(counts.count > 2, "\(arguments): \(run.story)")
        #expect(Set(counts).count == 1, "\(arguments): \(counts)")
      }
    }

    private func fieldCount(_ row: Substring) -> Int {
      var count = 1
      var isQuoted = false
      for character in row {
        if character == "\"" { isQuoted.toggle() }
        if character == ",", !isQuoted { count += 1 }
      }
      return count
    }

    @Test func listsAsJSON() throws {
      struct Guest: Decodable { var name: String }
      struct Guests: Decodable {
        var schema: String
        var guests: [Guest]
      }
      struct Doctor: Decodable {
        var schema: String
        var facts: [Fact]
      }
      struct Fact: Decodable {
        var name: String
        var meaning: String
        var verdict: String
      }
      let directory = try TestDirectory()
      let guests = try directory.vmreel("guests", "--format", "json")
      let listed = try JSONDecoder().decode(Guests.self, from: Data(guests.output))
      #expect(listed.schema == "vmreel.guests/1" && listed.guests.count >= 12)
      let doctor = try directory.vmreel("doctor", "--format", "json")
      let report = try JSONDecoder().decode(Doctor.self, from: Data(doctor.output))
      let facts = report.facts
      #expect(report.schema == "vmreel.doctor/1")
      #expect(facts.allSatisfy { !$0.meaning.isEmpty } && facts.count > 8)
    }

    @Test func ranges() throws {
      let directory = try recordTwo()
      let all = try directory.vmreel("dump", "t.reel").text.split(separator: "\n")
      for (range, expected) in [
        ("5..9", all[5..<9]), ("..3", all[..<3]), ("300..", all[300...]), ("7", all[7..<8]),
        ("100000..", []),
      ] {
        let run = try directory.vmreel("dump", "t.reel", "--range", range)
        #expect(run.text.split(separator: "\n") == Array(expected), "\(range)")
        #expect(run.status == 0)
      }
    }
  }
}
