import Testing
import Trace
import TraceIO

@Suite struct KernelExitWriterTests {
  static func kernelExit(_ index: Int) -> KernelExitRecord {
    var exit = KernelExitRecord()
    exit.anchor = UInt64(index / 4)
    exit.isa = 2
    exit.reason = 0x400
    exit.rip = UInt64(index) &* 0x9e37_79b9
    exit.info2 = UInt64(index) << 12
    exit.entryTime = UInt64(index) * 1000
    exit.exitTime = exit.entryTime + 500
    return exit
  }

  @Test("All kernel exits come back, in order, and the totals with them")
  func roundTrip() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("exits.reel")
    let writer = try makeWriter(path)
    let totals = HostTotals(
      moment: .end, anchor: 9, time: 5, counters: [HostTotals.Counter(name: "kvm.exits", value: 7)])
    for index in 0..<40_000 { writer.append(Self.kernelExit(index)) }
    writer.append(totals)
    _ = try writer.finish(endRecord(events: 0))
    let reel = try openReel(path)
    #expect(reel.kernelExitBlocks.count == 3)
    let stored = try reel.hostTotals()
    #expect(stored.count == 1 && stored[0].time == totals.time && stored[0].anchor == 9)
    #expect(
      stored[0].counters.map(\.name) == ["kvm.exits", "writer.waits", "writer.wait-nanoseconds"])
    #expect(stored[0]["kvm.exits"] == 7)
    #expect((stored[0]["writer.waits"] == 0) == (stored[0]["writer.wait-nanoseconds"] == 0))
    var cursor = KernelExitCursor(reel)
    var index = 0
    while let exit = try cursor.next() {
      guard exit == Self.kernelExit(index) else { break }
      index += 1
    }
    #expect(index == 40_000)
  }
}
