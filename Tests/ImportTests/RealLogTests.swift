import Analysis
import Import
import Testing
import Trace

/// Logs of both lanes against what perf counted in the same runs; see Logs/README.md.
@Suite struct RealLogTests {
  static let formats: [(name: String, format: LogFormat)] = [
    ("perf-script", .perfScript), ("trace-cmd-report", .traceCmdReport), ("ftrace", .ftrace),
  ]
  static let cases = ["svm", "vtx"].flatMap { lane in formats.map { (lane, $0.name) } }

  /// What perf counts: an exit that an entry of its thread came before, and after which the next
  /// event of the two was an entry.
  ///
  /// The next exit of the same vCPU says whether there was one; behind the last exit only that the
  /// kernel went on.
  private static func counted(_ exits: [KernelExitRecord]) -> [KernelExitRecord] {
    var counted: [KernelExitRecord] = []
    var last: [UInt16: KernelExitRecord] = [:]
    var entered: Set<UInt16> = []
    for exit in exits {
      if let before = last[exit.vcpu], exit.flags.contains(.entryTime) { counted.append(before) }
      if exit.flags.contains(.entryTime) { entered.insert(exit.vcpu) }
      last[exit.vcpu] = entered.contains(exit.vcpu) ? exit : nil
    }
    return counted + last.values.filter(\.flags.isHandled)
  }

  private static func count(
    _ exits: [KernelExitRecord], by name: (KernelExitRecord) -> String?
  ) -> [String: UInt64] {
    exits.reduce(into: [:]) { counts, exit in
      if let name = name(exit) { counts[name, default: 0] += 1 }
    }
  }

  private static func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

  @Test("Exits by reason are as perf kvm stat counts them", arguments: cases)
  func reasons(lane: String, format: String) throws {
    let importer = LogImporter.reading(try LogFixture.log("\(lane)-\(format)"))
    let names = KernelExitName(nil)
    let ours = Self.count(Self.counted(importer.exits)) {
      names.name(isa: $0.isa, reason: $0.reason)
    }
    let perf = try LogFixture.table("\(lane)-perf-kvm-stat-vmexit")
    #expect(ours == perf.samples)
    #expect(ours.values.reduce(0, +) == perf.total)
    #expect(perf.total > 1000)
    // Nothing but the last exit of each thread is left out.
    #expect(UInt64(importer.exits.count) - perf.total == UInt64(importer.vcpus.count))
  }

  @Test("Accesses by port, MSR and address are as perf kvm stat counts them", arguments: cases)
  func accesses(lane: String, format: String) throws {
    let importer = LogImporter.reading(try LogFixture.log("\(lane)-\(format)"))
    let exits = Self.counted(importer.exits)
    func ours(_ kind: KernelExitAccess, _ write: String, _ read: String) -> [String: UInt64] {
      Self.count(exits) { exit in
        guard exit.access.kind == kind else { return nil }
        return Self.hex(exit.address) + ":" + (exit.access.isWrite ? write : read)
      }
    }
    let ports = try LogFixture.table("\(lane)-perf-kvm-stat-ioport")
    #expect(ours(.port, "POUT", "PIN") == ports.samples)
    #expect(ports.samples.values.reduce(0, +) == ports.total && ports.total > 1000)
    let msrs = try LogFixture.table("\(lane)-perf-kvm-stat-msr")
    #expect(ours(.msr, "W", "R") == msrs.samples)
    #expect(msrs.samples.values.reduce(0, +) == msrs.total && msrs.total == 3)
    // An instruction that reads and writes one address exits once: perf counts both halves, a
    // kernel exit has the last one, and the import counts what that took the place of.
    var memory = ours(.memory, "W", "R")
    let perf = try LogFixture.table("\(lane)-perf-kvm-stat-mmio")
    var replaced: UInt64 = 0
    for (name, count) in perf.samples where memory[name, default: 0] < count {
      #expect(name.hasSuffix(":R") && memory[name.dropLast() + "W", default: 0] > 0, "\(name)")
      replaced += count - memory[name, default: 0]
      memory[name] = count
    }
    #expect(memory == perf.samples)
    #expect(perf.samples.values.reduce(0, +) == perf.total && perf.total == 29)
    // And the first half of a store across a page's end, which perf does not count either.
    let told = importer.counters.first { $0.name == "import.replaced-accesses" }?.value
    #expect(told == replaced + 1)
  }

  @Test("The three logs of a run have the same exits", arguments: ["svm", "vtx"])
  func sameRun(lane: String) throws {
    let logs = try Self.formats.map {
      LogImporter.reading(try LogFixture.log("\(lane)-\($0.name)"))
    }
    for (log, expected) in zip(logs, Self.formats) {
      #expect(log.summary.format == expected.format)
      #expect(log.summary.unknownLines == [:])
      #expect(log.summary.losses == 0)
      #expect(log.summary.backwardTimes == 0)
      #expect(log.exits.count == logs[0].exits.count)
      #expect(log.summary.events == logs[0].summary.events)
      #expect(log.summary.otherEvents == logs[0].summary.otherEvents)
      #expect(log.vcpus == logs[0].vcpus)
      for (a, b) in zip(log.exits, logs[0].exits) {
        // perf and the others have clocks and starts of their own; trace-cmd's plugin prints fewer
        // fields, and returns by a signal are spelled out by ftrace alone.
        #expect(a.reason == b.reason && a.rip == b.rip && a.info1 == b.info1 && a.info2 == b.info2)
        #expect(a.vcpu == b.vcpu && a.isa == b.isa && a.address == b.address)
        #expect(a.access == b.access && a.width == b.width && a.value == b.value)
        #expect(a.flags.contains(.entryTime) == b.flags.contains(.entryTime))
      }
    }
  }

  @Test("Where the bytes are cut says nothing", arguments: [1, 7, 4096])
  func portions(size: Int) throws {
    let log = Array(try LogFixture.log("vtx-perf-script").prefix(100_000))
    let whole = LogImporter.reading(log)
    let cut = LogImporter.reading(log, portion: size)
    #expect(whole.exits == cut.exits)
    #expect(whole.summary == cut.summary)
    #expect(whole.exits.count > 50)
  }

  @Test("A damaged log never traps, and each line is somewhere", arguments: 0..<40)
  func damage(seed: Int) throws {
    var log = Array(try LogFixture.log("svm-\(Self.formats[seed % 3].name)").prefix(60_000))
    var random = SystemSeed(UInt64(seed))
    for _ in 0..<400 { log[Int(random.next() % UInt64(log.count))] = UInt8(random.next() & 0xff) }
    let summary = LogImporter.reading(log).summary
    let newlines = UInt64(log.count { $0 == 0x0a }) + (log.last == 0x0a ? 0 : 1)
    #expect(summary.lines == newlines)
    let told = summary.events + summary.otherEvents.values.reduce(0, +) + summary.unknownLineCount
    // Headers, comments and blank lines are nothing to count.
    #expect(told <= summary.lines && told + 40 > summary.lines)
  }
}

/// A small generator with a seed (SplitMix64).
private struct SystemSeed: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }
}
