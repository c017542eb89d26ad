import Analysis
import FoundationEssentials
import ReelFixtures
import Testing
import Trace

extension ProgramTests {
  /// The counts of `stats` are those of tools/reel_counts.py, which shares no code with vmreel.
  @Suite(.needsSecondReader) struct StatisticsCounts {
    struct Count: Equatable, CustomStringConvertible {
      var samples: UInt64
      var bytes: UInt64
      var description: String { "\(samples) samples, \(bytes) bytes" }
    }

    /// A table that the script counts, and how `stats` is asked for it.
    struct Table {
      var name: String
      var population: ExitStatistics.Population?
      var event: ExitFilter?
      var dimensions: [ExitDimension] = []

      var query: ExitStatistics.Query {
        var query = ExitStatistics.Query()
        (query.population, query.event, query.dimensions) = (population, event, dimensions)
        query.countsBytes = true
        return query
      }

      var arguments: [String] {
        var arguments: [String] = []
        if let population { arguments += ["--exits", population.rawValue] }
        if let event { arguments += ["--event", event.rawValue] }
        if !dimensions.isEmpty {
          arguments += ["--by", dimensions.map(\.rawValue).joined(separator: ",")]
        }
        return arguments
      }
    }

    static let tables = [
      Table(name: "reason"), Table(name: "reason", dimensions: [.reason]),
      Table(name: "port", event: .ioport), Table(name: "port", dimensions: [.port]),
      Table(name: "gpa", event: .mmio), Table(name: "msr", event: .msr),
      Table(name: "rip", dimensions: [.rip]), Table(name: "vcpu", dimensions: [.vcpu]),
      Table(name: "reason,port", dimensions: [.reason, .port]),
      Table(name: "vector", event: .irq), Table(name: "vector", dimensions: [.vector]),
      Table(name: "cause", event: .kick),
    ]
    static let kernelTables = [
      Table(name: "kernel:reason", population: .kernel),
      Table(name: "handled:reason", population: .handled),
      Table(name: "kernel:gpa", population: .kernel, event: .mmio),
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

    /// Compares all tables that a reel can have.
    private func expectSame(
      _ name: String, _ tables: [String: [String: Count]],
      _ found: (Table) throws -> [String: Count]
    ) throws {
      #expect(!tables.isEmpty)
      for table in Self.tables where tables["reason"] != nil {
        expectSame(try found(table), tables[table.name] ?? [:], "\(name) \(table.arguments)")
      }
      for table in Self.kernelTables where tables["kernel:reason"] != nil {
        let found = try found(table).mapValues { Count(samples: $0.samples, bytes: 0) }
        expectSame(found, tables[table.name] ?? [:], "\(name) \(table.arguments)")
      }
    }

    /// Counted in this process: starting the program for each table would take most of the time.
    @Test(arguments: SecondReader.sampleReels)
    func equalAnIndependentCount(_ name: String) throws {
      let path = SecondReader.traces + "/" + name
      let reel = try Reel(MemorySource(Array(try Data(contentsOf: URL(filePath: path)))))
      let metadata = try JSONDecoder().decode(Metadata.self, from: Data(reel.metadataJSON))
      try expectSame(name, try counted(path, try TestDirectory())) { table in
        var counts: [String: Count] = [:]
        for row in try ExitStatistics(reel, table.query, metadata: metadata).table.rows {
          try #require(counts[row.name] == nil, "\(row.name) comes twice")
          counts[row.name] = Count(samples: row.samples, bytes: row.byteCount)
        }
        return counts
      }
    }

    /// The program counts no less, and no table of the script is one that no sample reel fills.
    @Test func theProgramShowsEveryTable() throws {
      let directory = try TestDirectory()
      var seen: Set<String> = []
      for name in [
        "ticker.reel", "msr.reel", "compute.reel", "golden/two-vcpus.reel",
        "golden/kernel-exits-lost.reel",
      ] {
        let path = SecondReader.traces + "/" + name
        let tables = try counted(path, directory)
        seen.formUnion(tables.keys)
        try expectSame(name, tables) { try shown($0.arguments, path, directory) }
      }
      #expect(seen == Set((Self.tables + Self.kernelTables).map(\.name)))
    }
  }
}
