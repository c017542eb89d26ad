import FoundationEssentials
import Glibc
import Testing
import Trace

/// tools/reel.py, the reader that was written from TRACE-FORMAT.md and shares no code with vmreel.
enum SecondReader {
  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  static let traces = root.appending(path: "traces").path

  /// The caller's own PATH: tools/setup looked for Python there.
  private static let environment: [String] = {
    guard let path = unsafe getenv("PATH") else { return [] }
    return ["PATH=" + (unsafe String(cString: path))]
  }()

  /// Why it cannot run, or `nil` when it can.
  static let unavailable =
    interpreter == nil ? "no python3 with the module zstandard: run tools/setup" : nil

  /// The first Python that has the module: the PATH's, or the system's.
  private static let interpreter = ["python3", "/usr/bin/python3"].first { name in
    guard let directory = try? TestDirectory() else { return false }
    let program = try? Program(
      name, ["-c", "import zstandard"], in: directory, environment: environment)
    return program?.wait().status == 0
  }

  static func python(_ arguments: [String], in directory: TestDirectory) throws -> Program {
    try Program(interpreter ?? "python3", arguments, in: directory, environment: environment)
  }

  /// The names of all sample reels, those in subdirectories too.
  static let sampleReels: [String] = {
    let names = try? FileManager.default.subpathsOfDirectory(atPath: traces)
    return (names ?? []).filter { $0.hasSuffix(".reel") }.sorted()
  }()
}

extension Trait where Self == ConditionTrait {
  /// Skips, with the reason, where the second reader cannot run.
  static var needsSecondReader: Self {
    .enabled(
      if: SecondReader.unavailable == nil,
      Comment(rawValue: SecondReader.unavailable ?? "the second reader runs"))
  }
}

extension TestDirectory {
  /// Runs tools/reel.py here to its end.
  func secondReader(
    _ arguments: String..., location: SourceLocation = #_sourceLocation
  ) throws -> Run {
    let script = SecondReader.root.appending(path: "tools/reel.py").path
    let program = try SecondReader.python(["-B", script] + arguments, in: self)
    return finish(program, "reel.py " + arguments.joined(separator: " "), location)
  }
}

extension ProgramTests {
  /// What one reader says of a reel, the other says too.
  @Suite(.needsSecondReader) struct SecondReaderAgreement {
    @Test func thereAreSampleReels() {
      for name in ["hello.reel", "cross/ticker-kvm_amd.reel", "linux/static-kvm_intel.reel"] {
        #expect(SecondReader.sampleReels.contains(name))
      }
    }

    @Test(arguments: SecondReader.sampleReels)
    func readsTheSameEvents(_ name: String) throws {
      let directory = try TestDirectory()
      let path = SecondReader.traces + "/" + name
      let checked = try directory.secondReader("check", path)
      #expect(checked.status == 0 && checked.text.contains(": sound: "), "\(checked.story)")
      let listed = try directory.secondReader("events", "--times", path)
      #expect(listed.status == 0, "\(listed.story)")
      let lines = listed.text.split(separator: "\n").dropFirst()
      let expected = try self.expected(path, directory)
      #expect(lines.count == expected.count && !expected.isEmpty)
      for (line, row) in zip(lines, expected) {
        try #require(String(line) == row)
      }
    }

    /// The rows of `dump` without the board's names of ports, and with what `dump` does not show
    /// as this process reads it.
    private func expected(_ path: String, _ directory: TestDirectory) throws -> [String] {
      let dumped = try directory.vmreel("dump", "--times", "--format", "csv", path)
      try #require(dumped.status == 0, "\(dumped.story)")
      let reel = try Reel(MemorySource(Array(try Data(contentsOf: URL(filePath: path)))))
      var cursor = EventCursor(reel)
      return try dumped.text.split(separator: "\n").dropFirst().map { line in
        let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        try #require(cells.count == 15, "\(line)")
        let event = try #require(try cursor.next())
        // `dump` leaves empty what does not apply to a kind; such a field is zero.
        let place = cells[6].isEmpty ? "0x0" : cells[6]
        let value = cells[8].isEmpty ? "0x0" : cells[8]
        let unseen = [
          String(event.flags.rawValue), "0x" + String(event.timestamp, radix: 16),
          "0x" + String(event.arithmeticFlags, radix: 16),
        ]
        return (cells[0..<6] + [place, value] + cells[9..<13] + unseen + cells[13..<15])
          .joined(separator: ",")
      }
    }

    /// One bit turned over in every block's header and in its stored bytes, and in the file header.
    @Test func refusesTheSameDamage() throws {
      let directory = try TestDirectory()
      let original = Array(try Data(contentsOf: URL(filePath: SecondReader.traces + "/hello.reel")))
      try expectDamage(original, flipping: 40, block: 0, directory)
      for block in try Reel(MemorySource(original)).blocks {
        let start = Int(block.offset)
        try expectDamage(original, flipping: start + 33, block: start, directory)
        let middle = start + BlockHeader.byteCount + Int(block.header.storedSize) / 2
        try expectDamage(original, flipping: middle, block: start, directory)
      }
    }

    /// The blocks that only recordings with kernel exits have.
    @Test func refusesDamagedKernelExits() throws {
      let directory = try TestDirectory()
      let path = SecondReader.traces + "/linux/static-kvm_intel.reel"
      let original = Array(try Data(contentsOf: URL(filePath: path)))
      let reel = try Reel(MemorySource(original))
      let block = try #require(reel.kernelExitBlocks.last)
      let middle = Int(block.offset) + BlockHeader.byteCount + Int(block.header.storedSize) / 2
      try expectDamage(original, flipping: middle, block: Int(block.offset), directory)
    }

    /// A reel of right checksums whose end record miscounts.
    @Test(arguments: 0..<3) func refusesWrongTotals(_ total: Int) throws {
      let directory = try TestDirectory()
      let original = Array(try Data(contentsOf: URL(filePath: SecondReader.traces + "/hello.reel")))
      let reel = try Reel(MemorySource(original))
      let last = try #require(reel.blocks.last)
      var end = try #require(reel.end)
      let totals: [WritableKeyPath<EndRecord, UInt64>] = [
        \.eventCount, \.guestMadeExits, \.keyframeCount,
      ]
      end[keyPath: totals[total]] += 1
      var encoder = BlockEncoder(pageKey: reel.header.pageKey)
      let altered = original.prefix(Int(last.offset)) + encoder.block(.end, end.encoded())
      try expectRefusal(altered, "offset \(last.offset)", directory)
    }

    private func expectDamage(
      _ original: [UInt8], flipping position: Int, block: Int, _ directory: TestDirectory
    ) throws {
      var damaged = original
      damaged[position] ^= 1 << UInt8(position % 8)
      try expectRefusal(damaged, "offset \(block)", directory)
    }

    private func expectRefusal(
      _ bytes: some Sequence<UInt8>, _ place: String, _ directory: TestDirectory
    ) throws {
      try directory.write(bytes, to: "d.reel")
      let checked = try directory.secondReader("check", "d.reel")
      expectTrouble(checked, place + ":")
      let verified = try directory.vmreel("verify", "d.reel")
      #expect(verified.status == 2, "\(verified.story)")
      #expect(verified.text.contains(place), "\(verified.story)")
    }
  }
}
