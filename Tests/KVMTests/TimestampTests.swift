import Foundation
import Machine
import Testing

@testable import KVM

/// Whether this host's KVM scales the TSC at all; not whether freezing works, which is tested.
private let scalesTSC: Bool = {
  guard kvmUnavailable == nil, let system = try? System() else { return false }
  return system.value(of: .tscControl) > 0
}()

extension HostTests {
  @Suite(.needsKVM)
  struct TimestampTests {
    @Test(.enabled(if: !scalesTSC && kvmUnavailable == nil, "this host's KVM scales the TSC"))
    func aHostWithoutScalingSaysSo() throws {
      let guest = try ProbeGuest.running(TimestampProbe.reader)
      guest.processor.frozenTimestamp = 1
      #expect {
        try guest.processor.run(sliceLimitNanoseconds: patience)
      } throws: { error in
        (error as? ProcessorError)?.missingCapability == "KVM_CAP_TSC_CONTROL"
      }
      #expect(try !HostProbe.facts().freezesTSC)
      guest.processor.frozenTimestamp = nil
      guard case .portWrite = try guest.run() else {
        Issue.record("the guest does not run without freezing either")
        return
      }
    }

    /// What the guest may not set or read behind the runner's back.
    @Test(arguments: [UInt32(0x10), 0x3b])
    func theCountersRegistersReachTheRunner(index: UInt32) throws {
      // mov ecx, index; rdmsr; wrmsr; hlt
      let bytes = (0..<4).map { UInt8(truncatingIfNeeded: index >> ($0 * 8)) }
      let guest = try ProbeGuest.running(
        [0x66, 0xb9] + bytes + [0x0f, 0x32, 0x0f, 0x30, 0xf4])
      try #require(guest.processor.hasMSRFilter)
      #expect(try guest.run() == .msrRead(index: index))
      guest.processor.reply(0x1234_5678_9abc)
      #expect(try guest.run() == .msrWrite(index: index, value: 0x1234_5678_9abc))
      guest.processor.reply(0)
      #expect(try guest.run() == .halt)
    }
  }

  @Suite(.needsKVM, .enabled(if: scalesTSC, "this host's KVM has no TSC scaling"))
  struct FrozenTimestampTests {
    /// `sti; mov ecx, 3000000; rdtsc; mov ebx, eax; L: rdtsc; cmp eax, ebx; jne D; dec ecx; jnz L;
    /// out 0x10, al; hlt; D: out 0x11, al; hlt`: several milliseconds of comparing.
    ///
    /// STI, because Bochs' VT-x lets no interrupt of the host, and so no kick, through to a guest
    /// that runs with interrupts disabled.
    private static let comparer: [UInt8] = [
      0xfb, 0x66, 0xb9, 0xc0, 0xc6, 0x2d, 0x00, 0x0f, 0x31, 0x66, 0x89, 0xc3, 0x0f, 0x31, 0x66,
      0x39, 0xd8, 0x75, 0x07, 0x66, 0x49, 0x75, 0xf5, 0xe6, 0x10, 0xf4, 0xe6, 0x11, 0xf4,
    ]
    /// `sti; jmp $`.
    private static let spin: [UInt8] = [0xfb, 0xeb, 0xfe]
    private static let tickNanoseconds: UInt64 = 1_000_000
    private static let longRun: UInt64 = 20_000_000_000

    @Test func theProbeFindsThatItWorks() throws {
      #expect(try HostProbe.facts().freezesTSC)
    }

    /// Every read in every slice: exact, or the slice says that it may not be.
    @Test func readsAreExactOutsideTaintedSlices() throws {
      let guest = try ProbeGuest.running(TimestampProbe.reader)
      var (exact, tainted, wrong) = (0, 0, 0)
      var value: UInt64 = 1
      for slice in 0..<4000 {
        value &+= slice % 7 == 0 ? 0xffff_ffff_fff1 : 5000
        guest.processor.frozenTimestamp = value
        let exit = try guest.processor.run(sliceLimitNanoseconds: patience)
        try #require(
          exit.reason == .portWrite(PortAccess(port: 0x10, width: 1), value: value & 0xff)
            || exit.isTainted)
        let isExact = TimestampProbe.hasRead(value, guest.processor.registers)
        if isExact { exact += 1 }
        if exit.isTainted { tainted += 1 }
        if !isExact, !exit.isTainted { wrong += 1 }
      }
      print("frozen timestamps: \(exact) of 4000 slices exact, \(tainted) tainted, \(wrong) wrong")
      #expect(wrong == 0)
      #expect(tainted < 200 && exact > 3800)
    }

    /// The counter stands still for longer than a tick: the host re-bases it on the way.
    @Test func aSliceOfManyTicksReadsOneValue() throws {
      var clean = 0
      for round in 0..<4 {
        let guest = try ProbeGuest.running(Self.comparer)
        guest.processor.frozenTimestamp = 0xffff_fff0 + UInt64(round)
        let exit = try guest.processor.run(sliceLimitNanoseconds: Self.longRun)
        #expect(exit.exitNanoseconds - exit.entryNanoseconds > 2 * Self.tickNanoseconds)
        guard !exit.isTainted else { continue }
        clean += 1
        guard case .portWrite(let access, _) = exit.reason else {
          Issue.record("\(exit.reason)")
          continue
        }
        #expect(access.port == 0x10, "the counter moved to \(guest.processor.registers.rax)")
      }
      #expect(clean > 0)
    }

    /// The same guest sees the counter move when nothing freezes it.
    @Test func anUnfrozenCounterMoves() throws {
      let guest = try ProbeGuest.running(Self.comparer)
      let exit = try guest.processor.run(sliceLimitNanoseconds: Self.longRun)
      guard case .portWrite(let access, _) = exit.reason else {
        Issue.record("\(exit.reason)")
        return
      }
      #expect(access.port == 0x11)
    }

    @Test func theSliceLimitAndRequestsKeepTheirMeaning() throws {
      let guest = try ProbeGuest.running(Self.spin)
      guest.processor.frozenTimestamp = 7
      for limit: UInt64 in [300_000, 3_000_000, 1_000_000] {
        for _ in 0..<10 {
          let exit = try guest.processor.run(sliceLimitNanoseconds: limit)
          #expect(exit.reason == .kick(.sliceLimit))
          #expect(exit.exitNanoseconds - exit.entryNanoseconds >= limit)
          #expect(exit.exitNanoseconds - exit.entryNanoseconds < limit + tardiness)
        }
      }
      let kicker = guest.processor.kicker
      let thread = Thread {
        usleep(20_000)
        kicker.kick()
      }
      thread.start()
      let exit = try guest.processor.run(sliceLimitNanoseconds: nil)
      #expect(exit.reason == .kick(.request))
      #expect(exit.exitNanoseconds - exit.entryNanoseconds > Self.tickNanoseconds)
    }

    @Test func stepsReadTheFrozenValue() throws {
      var clean = 0
      for round: UInt64 in 0..<50 {
        let value = 0x1_2345_6789 &* (round + 1)
        // rdtsc; hlt
        let guest = try ProbeGuest.running([0x0f, 0x31, 0xf4])
        guest.processor.frozenTimestamp = value
        var exit = try guest.processor.step()
        // Bochs' VT-x reports the trap before an instruction that had a nested page fault.
        if guest.processor.registers.rip == ProbeGuest.origin { exit = try guest.processor.step() }
        #expect(exit.reason == .debug(address: ProbeGuest.origin + 2))
        guard !exit.isTainted else { continue }
        clean += 1
        #expect(guest.processor.registers.rax == value & 0xffff_ffff)
        #expect(guest.processor.registers.rdx == value >> 32)
      }
      #expect(clean > 25)
    }

    /// Capturing, restoring and completing leave the frozen value in force.
    @Test func restoringAStateKeepsTheValue() throws {
      let guest = try ProbeGuest.running(TimestampProbe.reader)
      guest.processor.frozenTimestamp = 0x5_0000_0005
      _ = try guest.run()
      #expect(try guest.processor.complete() == nil)
      try guest.processor.restoreState(try guest.processor.captureState())
      for _ in 0..<20 {
        let exit = try guest.processor.run(sliceLimitNanoseconds: patience)
        #expect(exit.isTainted || TimestampProbe.hasRead(0x5_0000_0005, guest.processor.registers))
      }
    }
  }
}
