import FoundationEssentials
import Testing

extension ProgramTests {
  /// The counts of `stats` are those of tools/reel_counts.py, which shares no code with vmreel.
  @Suite(.needsSecondReader) struct StatisticsCounts {
    struct Count: Equatable, CustomStringConvertible {
      var samples: UInt64
      var bytes: UInt64
      var description: String { "\(samples) samples, \(bytes) bytes" }
    }

    /// The tables that the script counts, and how `stats` is asked for them.
    static let tables: [(name: String, arguments: [String])] = [
      ("reason", []), ("reason", ["--by", "reason"]), ("port", ["--event", "ioport"]),
      ("port", ["--by", "port"]), ("gpa", ["--event", "mmio"]), ("msr", ["--event", "msr"]),
      ("rip", ["--by", "rip"]), ("vcpu", ["--by", "vcpu"]),
      ("reason,port", ["--by", "reason,port"]),
      ("vector", ["--event", "irq"]), ("vector", ["--by", "vector"]),
      ("cause", ["--event", "kick"]),
    ]
    static let kernelTables: [(name: String, arguments: [String])] = [
      ("kernel:reason", ["--exits", "kernel"]), ("handled:reason", ["--exits", "handled"]),
      ("kernel:gpa", ["--exits", "kernel", "--event", "mmio"]),
    ]

    /// Comma-separated lines; a quoted cell may hold commas.
    private func rows(_ text: String) -> [[String]] {
      text.split(separator: "\n").map { line in
        var cells = [""]
        var isQuoted = false
        for character in line {
          if character == "\"" {
            isQuoted.toggle()
          } else if character == ",", !isQuoted {
            cells.append("")
          } else {
            cells[cells.count - 1].append(character)
          }
        }
        return cells
      }
    }

    private func counted(_ path: String, _ directory: TestDirectory) throws
      -> [String: [String: Count]]
    {
      let script = SecondReader.root.appending(path: "tools/reel_counts.py").path
      let program = try SecondReader.python(["-B", script, path], in: directory)
      let run = directory.finish(program, "reel_counts.py \(path)", #_sourceLocation)
      try #require(run.status == 0, "\(run.story)")
      var tables: [String: [String: Count]] = [:]
      for row in rows(run.text).dropFirst() {
        try #require(row.count == 4)
        tables[row[0], default: [:]][row[1]] = Count(
          samples: try #require(UInt64(row[2])), bytes: try #require(UInt64(row[3])))
      }
      return tables
    }

    private func shown(_ arguments: [String], _ path: String, _ directory: TestDirectory) throws
      -> [String: Count]
    {
      let run = try directory.vmreel(["stats", "--format", "csv", path] + arguments)
      try #require(run.status == 0, "\(run.story)")
      let rows = rows(run.text)
      let heading = try #require(rows.first)
      let label = try #require(heading.firstIndex(of: "label"))
      let samples = try #require(heading.firstIndex(of: "samples"))
      let bytes = try #require(heading.firstIndex(of: "bytes"))
      var counts: [String: Count] = [:]
      for row in rows.dropFirst() {
        let name = row[1..<label].joined(separator: " ")
        try #require(counts[name] == nil, "\(name) comes twice")
        counts[name] = Count(
          samples: try #require(UInt64(row[samples])), bytes: try #require(UInt64(row[bytes])))
      }
      return counts
    }

    /// Row by row, unless there are more keys than a table tells apart: then those that have rows.
    private func expectSame(_ found: [String: Count], _ expected: [String: Count], _ what: String) {
      guard let other = found.keys.first(where: { $0.hasPrefix("other") }) else {
        #expect(found == expected, "\(what)")
        return
      }
      #expect(found.count == 4097 && expected.count > 4096, "\(what)")
      for (name, count) in found where name != other {
        #expect(expected[name] == count, "\(what): \(name)")
      }
      let total = { (counts: [String: Count]) in counts.values.reduce(0) { $0 + $1.samples } }
      #expect(total(found) == total(expected), "\(what)")
    }

    @Test(arguments: SecondReader.sampleReels)
    func equalAnIndependentCount(_ name: String) throws {
      let directory = try TestDirectory()
      let path = SecondReader.traces + "/" + name
      let tables = try counted(path, directory)
      #expect(!tables.isEmpty)
      let hasKernelExits = tables["kernel:reason"] != nil
      let hasEvents = tables["reason"] != nil
      for (table, arguments) in Self.tables where hasEvents {
        expectSame(
          try shown(arguments, path, directory), tables[table] ?? [:], "\(name) \(arguments)")
      }
      for (table, arguments) in Self.kernelTables where hasKernelExits {
        let found = try shown(arguments, path, directory).mapValues {
          Count(samples: $0.samples, bytes: 0)
        }
        expectSame(found, tables[table] ?? [:], "\(name) \(arguments)")
      }
    }

    /// No table of the script is one that no sample reel fills.
    @Test func everyTableIsCountedSomewhere() throws {
      let directory = try TestDirectory()
      var seen: Set<String> = []
      for name in [
        "ticker.reel", "msr.reel", "compute.reel", "golden/two-vcpus.reel",
        "golden/kernel-exits-lost.reel",
      ] {
        seen.formUnion(try counted(SecondReader.traces + "/" + name, directory).keys)
      }
      #expect(seen == Set((Self.tables + Self.kernelTables).map(\.name)))
    }
  }
}
