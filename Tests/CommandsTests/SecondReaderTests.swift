import FoundationEssentials
import Glibc
import ReelFixtures
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
    finish(
      try startSecondReader(arguments), "reel.py " + arguments.joined(separator: " "), location)
  }

  /// Starts tools/reel.py here.
  func startSecondReader(_ arguments: [String]) throws -> Program {
    let script = SecondReader.root.appending(path: "tools/reel.py").path
    return try SecondReader.python(["-B", script] + arguments, in: self)
  }

  /// `verify` of both readers, at the same time.
  func verify(
    _ path: String, location: SourceLocation = #_sourceLocation
  ) throws -> (second: Run, first: Run) {
    let program = try startSecondReader(["check", path])
    let verified = try vmreel("verify", path, location: location)
    return (finish(program, "reel.py check \(path)", location), verified)
  }
}

extension ProgramTests {
  /// What one reader says of a reel, the other says too.
  @Suite(.needsSecondReader) struct SecondReaderAgreement {
    @Test func thereAreSampleReels() {
      for name in ["hello.reel", "cross/", "golden/", "linux/"] {
        #expect(SecondReader.sampleReels.contains { $0.hasPrefix(name) }, "no \(name)")
      }
    }

    @Test(arguments: SecondReader.sampleReels)
    func readsTheSameEvents(_ name: String) throws {
      let directory = try TestDirectory()
      let path = SecondReader.traces + "/" + name
      try expectSound(path, directory)
      let walking = try directory.startSecondReader(["events", "--walk", "--times", path])
      let listed = try directory.secondReader("events", "--times", path)
      #expect(listed.status == 0, "\(listed.story)")
      let walked = directory.finish(walking, "reel.py events --walk \(name)", #_sourceLocation)
      #expect(walked.text == listed.text, "\(walked.story)")
      let lines = listed.text.split(separator: "\n").dropFirst()
      let expected = try self.expected(path, directory)
      #expect(lines.count == expected.count)
      for (line, row) in zip(lines, expected) {
        try #require(String(line) == row)
      }
    }

    /// The rows of `dump` without the board's names of ports, and with what `dump` does not show
    /// as this process reads it.
    private func expected(_ path: String, _ directory: TestDirectory) throws -> [String] {
      let dumped = try directory.vmreel("dump", "--times", "--format", "csv", path)
      // An import has no events, and `dump` says so.
      if dumped.status == 2, dumped.errors.contains("imported from a log") { return [] }
      try #require(dumped.status == 0, "\(dumped.story)")
      let reel = try Reel(MemorySource(Array(try Data(contentsOf: URL(filePath: path)))))
      var cursor = EventCursor(reel)
      return try dumped.text.split(separator: "\n").dropFirst().map { line in
        var cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        // `dump` has no columns for times that a reel does not hold; the second reader reads zeros.
        if dumped.errors.contains("it has no host times") { cells += ["0", "0"] }
        try #require(cells.count == 19, "\(line)")
        let event = try #require(try cursor.next())
        // `dump` leaves empty what does not apply to a kind; such a field is zero.
        let place = cells[6].isEmpty ? "0x0" : cells[6]
        let value = cells[8].isEmpty ? "0x0" : cells[8]
        // Bit 2 of the stored flags, which `Event` has as a timestamp that is not 0.
        let flags = event.flags.rawValue | (event.timestamp == 0 ? 0 : 4)
        let unseen = [
          String(flags), cells[10], "0x" + String(event.arithmeticFlags, radix: 16), cells[11],
          cells[12], cells[13],
        ]
        return (cells[0..<6] + [place, value, cells[9]] + cells[14..<17] + unseen + cells[17..<19])
          .joined(separator: ",")
      }
    }

    /// One bit turned over in every block's header, in its checksum and in its stored bytes, index
    /// and footer too, and in the file header.
    @Test(arguments: ["compute.reel", "golden/kernel-exits-lost.reel", "golden/two-vcpus.reel"])
    func readsCopies(_ name: String) throws {
      let directory = try TestDirectory()
      let original = try sample(name)
      try directory.write(original, to: "o.reel")
      let events = try directory.events(of: "o.reel").count
      for command in [
        ["trim", "o.reel", "--range", "\(events - 1).."], ["strip", "o.reel", "--console"],
        ["strip", "trim.reel", "--times", "--console"],
      ] {
        let copy = try directory.vmreel(command + ["-o", "\(command[0]).reel", "--force"])
        try #require(copy.status == 0, "\(copy.story)")
        try expectSound("\(command[0]).reel", directory)
      }
    }

    /// Kernel exits and totals that tell of lost events stay.
    @Test func readsRecoveredKernelExits() throws {
      let directory = try TestDirectory()
      let original = try sample("golden/kernel-exits-lost.reel")
      for length in [9500, 11500] {
        try directory.write(Array(original.prefix(length)), to: "p.reel")
        let recovered = try directory.vmreel("recover", "p.reel", "-o", "r.reel", "--force")
        try #require(recovered.status == 0, "\(recovered.story)")
        try expectSound("r.reel", directory)
      }
    }

    @Test func refusesTheSameDamage() throws {
      let directory = try TestDirectory()
      let original = try sample("hello.reel")
      try expectDamage(original, flipping: 40, block: 0, directory)
      try expectDamage(original, flipping: 56, block: 0, directory)
      for block in try Reel(MemorySource(original)).blocks {
        let start = Int(block.offset)
        let contents = start + BlockHeader.byteCount
        let size = Int(block.header.storedSize)
        let stored = size > 0 ? [contents, contents + size / 2] : []
        for place in [start + 33, contents - 1] + stored {
          try expectDamage(original, flipping: place, block: start, directory)
        }
      }
    }

    /// Where a reel was cut off, both say that it is partial.
    @Test func findsTheSameEnd() throws {
      let directory = try TestDirectory()
      let original = try sample("hello.reel")
      for block in try Reel(MemorySource(original)).blocks {
        let start = Int(block.offset)
        try expectRefusal(original.prefix(start), "offset \(start)", directory)
        try expectRefusal(original.prefix(start + 63), "offset \(start)", directory)
      }
    }

    /// A reel that was written to a stream: neither index nor footer, and its end says so.
    @Test func readsAReelWithoutIndex() throws {
      let directory = try TestDirectory()
      let original = try sample("hello.reel")
      let reel = try Reel(MemorySource(original))
      let last = try #require(reel.blocks.first { $0.header.type == .end })
      var encoder = BlockEncoder(pageKey: reel.header.pageKey)
      let end = encoder.end(try #require(reel.end), isIndexed: false)
      try directory.write(original.prefix(Int(last.offset)) + end, to: "s.reel")
      try expectSound("s.reel", directory)
      let stream = try directory.secondReader("events", "s.reel")
      let whole = try directory.secondReader("events", SecondReader.traces + "/hello.reel")
      #expect(stream.status == 0 && stream.text == whole.text, "\(stream.story)")
      #expect(stream.text.split(separator: "\n").count == Int(reel.eventCount) + 1)
      // Bytes behind such an end are damage, an index too.
      let followed = original.prefix(Int(last.offset)) + end + original.suffix(64)
      try directory.write(followed, to: "f.reel")
      let checked = try directory.secondReader("check", "f.reel")
      expectTrouble(checked, "offset \(followed.count - 64):")
      #expect(try directory.vmreel("verify", "f.reel").status == 2)
    }

    /// With a damaged index all events are there, and both say what is wrong.
    @Test func readsPastADamagedIndex() throws {
      let directory = try TestDirectory()
      var damaged = try sample("hello.reel")
      let index = try #require(
        try Reel(MemorySource(damaged)).blocks.first { $0.header.type == .index })
      damaged[Int(index.offset) + BlockHeader.byteCount + 9] ^= 4
      try expectRefusal(damaged, "offset \(index.offset)", directory)
      let listed = try directory.secondReader("events", "d.reel")
      let whole = try directory.secondReader("events", SecondReader.traces + "/hello.reel")
      #expect(listed.status == 0 && listed.text == whole.text, "\(listed.story)")
      #expect(listed.errors.contains("the index is damaged"), "\(listed.story)")
      let dumped = try directory.vmreel("dump", "--format", "csv", "d.reel")
      let expected = try directory.vmreel(
        "dump", "--format", "csv", SecondReader.traces + "/hello.reel")
      #expect(dumped.status == 0 && dumped.text == expected.text, "\(dumped.story)")
    }

    /// An index of right checksums that adds up, but lists a block as it is not.
    @Test func refusesALyingIndex() throws {
      let directory = try TestDirectory()
      let original = try sample("hello.reel")
      let reel = try Reel(MemorySource(original))
      let end = try #require(reel.blocks.firstIndex { $0.header.type == .end })
      var encoder = BlockEncoder(pageKey: reel.header.pageKey)
      for block in reel.blocks[..<end] {
        var header = block.header
        if header.type == .events { header.lastTime += 16 }
        _ = encoder.block(copying: header, stored: try reel.storedBytes(of: block))
      }
      let tail = encoder.end(try #require(reel.end))
      let altered = original.prefix(Int(reel.blocks[end].offset)) + tail
      try expectRefusal(altered, "offset \(reel.blocks[end + 1].offset)", directory)
    }

    /// The blocks that only recordings with kernel exits have.
    @Test func refusesDamagedKernelExits() throws {
      let directory = try TestDirectory()
      let original = try sample("golden/kernel-exits-lost.reel")
      let block = try #require(try Reel(MemorySource(original)).kernelExitBlocks.last)
      let middle = Int(block.offset) + BlockHeader.byteCount + Int(block.header.storedSize) / 2
      try expectDamage(original, flipping: middle, block: Int(block.offset), directory)
    }

    /// A reel of right checksums whose end record miscounts.
    @Test(arguments: 0..<3) func refusesWrongTotals(_ total: Int) throws {
      let directory = try TestDirectory()
      let original = try sample("hello.reel")
      let reel = try Reel(MemorySource(original))
      let last = try #require(reel.blocks.first { $0.header.type == .end })
      var end = try #require(reel.end)
      let totals: [WritableKeyPath<EndRecord, UInt64>] = [
        \.eventCount, \.guestMadeExits, \.keyframeCount,
      ]
      end[keyPath: totals[total]] += 1
      var encoder = BlockEncoder(pageKey: reel.header.pageKey)
      let altered = original.prefix(Int(last.offset)) + encoder.end(end, isIndexed: false)
      try expectRefusal(altered, "offset \(last.offset)", directory)
    }

    private func sample(_ name: String) throws -> [UInt8] {
      Array(try Data(contentsOf: URL(filePath: SecondReader.traces + "/" + name)))
    }

    private func expectSound(_ path: String, _ directory: TestDirectory) throws {
      let (checked, verified) = try directory.verify(path)
      #expect(checked.status == 0 && checked.text.contains(": sound: "), "\(checked.story)")
      #expect(verified.status == 0, "\(verified.story)")
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
      let (checked, verified) = try directory.verify("d.reel")
      expectTrouble(checked, place + ":")
      #expect(verified.status == 2, "\(verified.story)")
      #expect(verified.text.contains(place), "\(verified.story)")
    }
  }
}
