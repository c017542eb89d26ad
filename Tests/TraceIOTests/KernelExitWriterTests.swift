import CAllocationCounter
import Testing
import Trace
import TraceIO

@Suite struct KernelExitWriterTests {
  private func kernelExit(_ index: Int) -> KernelExitRecord {
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
    for index in 0..<40_000 { writer.append(kernelExit(index)) }
    writer.append(totals)
    _ = try writer.finish(endRecord(events: 0))
    let reel = try openReel(path)
    #expect(reel.kernelExitBlocks.count == 3)
    #expect(try reel.hostTotals() == [totals])
    var cursor = KernelExitCursor(reel)
    var index = 0
    while let exit = try cursor.next() {
      guard exit == kernelExit(index) else { break }
      index += 1
    }
    #expect(index == 40_000)
  }

  @Test(
    "Appending allocates nothing per kernel exit",
    .enabled(if: vmreel_allocation_count() >= 0, "this allocator cannot be counted"))
  func allocations() throws {
    let directory = try TemporaryDirectory()
    let writer = try makeWriter(directory.file("allocations.reel"))
    let before = vmreel_allocation_count()
    for index in 0..<100_000 { writer.append(kernelExit(index)) }
    let allocations = vmreel_allocation_count() - before
    // The chunks at the first one, and six handed over.
    #expect(allocations < 200, "\(allocations) allocations for 100 000 kernel exits")
    _ = try writer.finish(endRecord(events: 0))
  }
}
