import Foundation
import ReelFixtures
import SyntheticReels
import Testing
import Trace

@testable import Analysis

/// What an observer was told of.
private struct Journal: ExitObserver, Equatable {
  struct Mark: Equatable {
    var kind: EventKind
    var number: UInt64
    var event: EventIndex
    var time: UInt64
  }

  struct Exit: Equatable {
    var index: EventIndex
    var kind: UInt64
    var vcpu: UInt16
    var address: UInt64
    var value: UInt64
    var byteCount: UInt64
    var rip: UInt64
    var entryTime: UInt64
    var exitTime: UInt64
    var handling: UInt64?
  }

  struct Interrupt: Equatable {
    var index: EventIndex
    var vector: UInt64
    var vcpu: UInt16
    var time: UInt64
  }

  var exits: [Exit] = []
  var interrupts: [Interrupt] = []
  var console: [UInt8: [UInt8]] = [:]
  var marks: [Mark] = []

  var columns: Set<EventColumn> {
    [.address, .value, .width, .count, .ripDelta, .waited, .stream]
  }

  mutating func observe(_ exit: borrowing ExitSample) {
    exits.append(
      Exit(
        index: exit.index, kind: exit.reason.code, vcpu: exit.vcpu, address: exit.address,
        value: exit.value, byteCount: exit.byteCount, rip: exit.rip, entryTime: exit.entryTime,
        exitTime: exit.exitTime,
        handling: exit.traits.contains(.handlingTime) ? exit.handlingNanoseconds : nil))
  }

  mutating func observe(interrupt: borrowing ExitSample) {
    interrupts.append(
      Interrupt(
        index: interrupt.index, vector: interrupt.address, vcpu: interrupt.vcpu,
        time: interrupt.exitTime))
  }

  mutating func observe(consoleByte: UInt8, stream: UInt8, at event: EventIndex, time: UInt64) {
    console[stream, default: []].append(consoleByte)
  }

  mutating func observe(mark: EventKind, number: UInt64, at event: EventIndex, time: UInt64) {
    marks.append(Mark(kind: mark, number: number, event: event, time: time))
  }

  /// The same from whole events, exits in the order of the events.
  init(reading reel: Reel) throws {
    var cursor = EventCursor(reel)
    var lastOf: [UInt16: Int] = [:]
    while let event = try cursor.next() {
      let bytes = ConsoleTranscript.consoleBytes(of: event, payload: cursor.payload(of: event))
      if !bytes.isEmpty { console[event.stream, default: []] += bytes }
      switch event.kind {
      case .interrupt:
        interrupts.append(
          Interrupt(
            index: cursor.index, vector: event.address, vcpu: event.vcpu, time: event.exitTime))
      case .keyframe, .resync:
        marks.append(
          Mark(
            kind: event.kind, number: event.address, event: cursor.index, time: event.exitTime))
      default: if event.kind.isExit { add(event, at: cursor.index, &lastOf) }
      }
    }
  }

  private mutating func add(_ event: Event, at index: EventIndex, _ lastOf: inout [UInt16: Int]) {
    if let last = lastOf[event.vcpu], event.entryTime >= exits[last].exitTime {
      exits[last].handling = event.entryTime - exits[last].exitTime
    }
    lastOf[event.vcpu] = exits.count
    let isAccess = (1...6).contains(event.kind.rawValue)
    exits.append(
      Exit(
        index: index, kind: UInt64(event.kind.rawValue), vcpu: event.vcpu, address: event.address,
        value: event.value,
        byteCount: isAccess ? UInt64(event.width) * UInt64(max(1, event.count)) : 0,
        rip: event.rip, entryTime: event.entryTime, exitTime: event.exitTime, handling: nil))
  }

  init() {}
}

@Suite struct ExitScanTests {
  private static let traces = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "traces")

  static let sampleReels: [String] =
    (FileManager.default.enumerator(atPath: traces.path)?.compactMap { $0 as? String } ?? [])
    .filter { $0.hasSuffix(".reel") }.sorted()

  private func expectSame(_ reel: Reel) throws {
    var found = Journal()
    var scan = ExitScan(reel)
    try scan.run(&found)
    // Those of different vCPUs come as they are completed.
    found.exits.sort { $0.index < $1.index }
    let expected = try Journal(reading: reel)
    #expect(found.exits == expected.exits)
    #expect(found.interrupts == expected.interrupts)
    #expect(found.console == expected.console)
    #expect(found.marks == expected.marks)
    #expect(
      scan.counts.kinds.reduce(0, +)
        == reel.eventBlocks.reduce(0) { $0 + UInt64($1.header.eventCount) })
    for (stream, bytes) in expected.console {
      #expect(scan.counts.consoleBytes[Int(stream)] == UInt64(bytes.count))
    }
  }

  /// Hands all on, but takes no batches.
  private struct OneByOne: ExitObserver {
    var table: ExitTabulator
    var columns: Set<EventColumn> { table.columns }
    mutating func observe(_ exit: borrowing ExitSample) { table.observe(exit) }
    mutating func observe(interrupt: borrowing ExitSample) { table.observe(interrupt: interrupt) }
  }

  /// Tables that were filled batch by batch are those that were filled exit by exit.
  private func expectSameTables(_ reel: Reel) throws {
    let queries: [(ExitFilter?, [ExitDimension])] = [
      (nil, [.reason]), (nil, [.rip]), (nil, [.port]), (nil, [.reason, .port, .vcpu, .rip]),
      (.ioport, []), (.mmio, []), (.msr, []), (.kick, []), (.kick, [.reason]), (.irq, []),
      (.hlt, []), (.vmexit, [.gpa, .msr]), (.vmexit, [.device, .wake]),
    ]
    for (filter, dimensions) in queries {
      let table = ExitTabulator(filter, by: dimensions, ExitNames())
      var (batches, single) = (table, OneByOne(table: table))
      var scan = ExitScan(reel)
      try scan.run(&batches)
      var other = ExitScan(reel)
      try other.run(&single)
      let (found, expected) = (batches.table(), single.table.table())
      #expect(found == expected, "\(String(describing: filter)) by \(dimensions)")
      #expect(scan.counts.kinds == other.counts.kinds)
      #expect(scan.counts.firstTime == other.counts.firstTime)
      #expect(scan.counts.lastTime == other.counts.lastTime)
    }
  }

  /// Hands all on to the tables of an overview, but takes no batches.
  private struct OverviewOneByOne: ExitObserver {
    var tables: StatisticsTables
    var columns: Set<EventColumn> { tables.columns }
    mutating func observe(_ exit: borrowing ExitSample) { tables.observe(exit) }
    mutating func observe(interrupt: borrowing ExitSample) { tables.observe(interrupt: interrupt) }
  }

  /// An overview that was filled batch by batch is one that was filled exit by exit.
  private func expectSameOverview(_ reel: Reel) throws {
    let tables = StatisticsTables(ExitStatistics.Query(), ExitNames())
    var (batches, single) = (tables, OverviewOneByOne(tables: tables))
    var scan = ExitScan(reel)
    try scan.run(&batches)
    var other = ExitScan(reel)
    try other.run(&single)
    #expect(scan.counts.consoleBytes == other.counts.consoleBytes)
    #expect(scan.counts.kinds == other.counts.kinds)
    try expectSame(batches, single.tables)
    (batches, single) = (tables, OverviewOneByOne(tables: tables))
    var kernelScan = KernelExitScan(reel)
    try kernelScan.run(&batches)
    var otherKernelScan = KernelExitScan(reel)
    try otherKernelScan.run(&single)
    try expectSame(batches, single.tables)
  }

  private func expectSame(_ found: StatisticsTables, _ expected: StatisticsTables) throws {
    #expect(found.main.table(hasHistograms: true) == expected.main.table(hasHistograms: true))
    #expect(found.hostMade.table() == expected.hostMade.table())
    #expect(found.interrupts.table() == expected.interrupts.table())
    #expect(found.halts.table() == expected.halts.table())
    #expect(found.handling == expected.handling)
    #expect(found.inGuest == expected.inGuest)
    #expect(try #require(found.standingOut).findings == #require(expected.standingOut).findings)
  }

  @Test func thereAreSampleReels() {
    for name in ["hello.reel", "cross/", "golden/", "linux/"] {
      #expect(Self.sampleReels.contains { $0.hasPrefix(name) }, "no \(name)")
    }
  }

  @Test("A scan sees the events of every sample reel", arguments: sampleReels)
  func samples(name: String) throws {
    let data = try Data(contentsOf: Self.traces.appending(path: name))
    let reel = try Reel(MemorySource(Array(data)))
    try expectSame(reel)
    try expectSameTables(reel)
    try expectSameOverview(reel)
  }

  @Test("A scan sees the events of synthetic reels", arguments: 0..<12 as Range<UInt64>)
  func synthetic(seed: UInt64) throws {
    var configuration = SyntheticReel.Configuration()
    configuration.seed = seed
    configuration.eventCount = 4000
    configuration.keyframeInterval = 300
    configuration.basePageCount = 4
    configuration.changedPageCount = 2
    configuration.vcpuCount = [1, 2, 7][Int(seed % 3)]
    configuration.freezesTimestamp = seed.isMultiple(of: 2)
    configuration.diskCount = Int(seed % 4)
    configuration.hasResyncs = seed.isMultiple(of: 4)
    configuration.instructionSet = UInt8(seed % 4 < 3 ? seed % 4 : 0)
    configuration.firstEvent = seed.isMultiple(of: 5) ? 0 : 90_000
    let bytes = SyntheticReel.bytes(
      configuration, pageKey: [UInt8](0..<16), metadataJSON: Array("{}".utf8),
      blockSize: [100, 512, 700, 1111][Int(seed % 4)])
    let reel = try Reel(MemorySource(bytes))
    try expectSame(reel)
    try expectSameTables(reel)
    try expectSameOverview(reel)
  }
}
