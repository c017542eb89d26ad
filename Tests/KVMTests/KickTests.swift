import Foundation
import Machine
import Synchronization
import Testing

@testable import KVM

/// What a run loop and its kicking thread tell each other.
private final class Tally: Sendable {
  let requested = Atomic<Int>(0)
  let delivered = Atomic<Int>(0)
  let isDone = Atomic<Bool>(false)
}

extension HostTests {
  @Suite(.needsKVM)
  struct KickTests {
    // sti; jmp $: Bochs' VT-x keeps the host's interrupts from a guest that has its own off.
    private static let spin: [UInt8] = [0xfb, 0xeb, 0xfe]
    // out 0x10, al; jmp back: exits all the time, so that kicks land in and between runs.
    private static let exitLoop: [UInt8] = [0xe6, 0x10, 0xeb, 0xfc]

    @Test func aKickBetweenRunsEndsTheNextAtOnceAndOnlyIt() throws {
      let guest = try ProbeGuest.running(Self.exitLoop)
      _ = try guest.run()
      guest.processor.kicker.kick()
      guest.processor.kicker.kick()
      #expect(try guest.run() == .kick(.request))
      for _ in 0..<10 {
        #expect(try guest.run() == .portWrite(PortAccess(port: 0x10, width: 1), value: 0))
      }
    }

    @Test func completingDoesNotSwallowAKick() throws {
      let guest = try ProbeGuest.running(Self.exitLoop)
      _ = try guest.run()
      guest.processor.kicker.kick()
      #expect(try guest.processor.complete() == nil)
      #expect(try guest.processor.complete() == nil)
      #expect(try guest.run() == .kick(.request))
      #expect(try guest.run() == .portWrite(PortAccess(port: 0x10, width: 1), value: 0))
    }

    @Test func aKickEndsARunWithoutALimit() throws {
      let guest = try ProbeGuest.running(Self.spin)
      let kicker = guest.processor.kicker
      let thread = Thread {
        usleep(5_000)
        kicker.kick()
      }
      thread.start()
      #expect(try guest.processor.run(sliceLimitNanoseconds: nil).reason == .kick(.request))
    }

    @Test(arguments: [(spin, 30_000), (exitLoop, 70_000)])
    func noKickIsLostOrDoubled(code: [UInt8], count: Int) throws {
      let guest = try ProbeGuest.running(code)
      let tally = Tally()
      let kicker = guest.processor.kicker
      let thread = Thread {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<count {
          for _ in 0..<Int.random(in: 0..<300, using: &random)
          where tally.isDone.load(ordering: .relaxed) {
            return
          }
          tally.requested.add(1, ordering: .sequentiallyConsistent)
          kicker.kick()
          while tally.delivered.load(ordering: .acquiring)
            < tally.requested.load(ordering: .relaxed)
          {
            if tally.isDone.load(ordering: .relaxed) { return }
            sched_yield()
          }
        }
        tally.isDone.store(true, ordering: .sequentiallyConsistent)
      }
      thread.start()
      // A second of Bochs' clock takes the emulator several.
      let end = Date().addingTimeInterval(lane == "vtx" ? 1 : 9)
      var lost = false
      while !tally.isDone.load(ordering: .acquiring), Date() < end {
        let reason = try guest.processor.run(sliceLimitNanoseconds: 2_000_000_000).reason
        if reason == .kick(.request) {
          tally.delivered.add(1, ordering: .sequentiallyConsistent)
        } else if reason == .kick(.sliceLimit) {
          // Two seconds without a kick is a lost one, unless the kicker has just ended.
          lost = !tally.isDone.load(ordering: .acquiring)
          if lost { break }
        }
        let requested = tally.requested.load(ordering: .acquiring)
        try #require(tally.delivered.load(ordering: .relaxed) <= requested)
      }
      tally.isDone.store(true, ordering: .sequentiallyConsistent)
      while !thread.isFinished { usleep(1000) }
      // The time may have ended between a request and its delivery.
      while !lost,
        tally.delivered.load(ordering: .relaxed) < tally.requested.load(ordering: .relaxed)
      {
        let reason = try guest.processor.run(sliceLimitNanoseconds: 2_000_000_000).reason
        if reason == .kick(.request) { tally.delivered.add(1, ordering: .relaxed) }
        lost = reason == .kick(.sliceLimit)
      }
      #expect(!lost)
      #expect(
        tally.requested.load(ordering: .acquiring) == tally.delivered.load(ordering: .acquiring))
      // All of them, unless the host was too busy for so many in the time; enough to mean
      // something even then.
      #expect(tally.delivered.load(ordering: .acquiring) >= 50)
    }

    @Test func aBurstOfKicksIsOneStop() throws {
      let guest = try ProbeGuest.running(Self.exitLoop)
      for _ in 0..<200 {
        for _ in 0..<50 { guest.processor.kicker.kick() }
        #expect(try guest.run() == .kick(.request))
        #expect(try guest.run() == .portWrite(PortAccess(port: 0x10, width: 1), value: 0))
      }
    }

    @Test func theSliceLimitNeverFiresEarly() throws {
      let guest = try ProbeGuest.running(Self.spin)
      for limit: UInt64 in [50_000, 200_000, 1_000_000, 3_000_000, 100_000, 20_000] {
        for _ in 0..<20 {
          let exit = try guest.processor.run(sliceLimitNanoseconds: limit)
          #expect(exit.reason == .kick(.sliceLimit))
          #expect(exit.exitNanoseconds - exit.entryNanoseconds >= limit)
          #expect(exit.exitNanoseconds - exit.entryNanoseconds < limit + tardiness)
        }
      }
    }

    @Test func theSliceLimitCountsFromTheSliceNotFromTheArming() throws {
      // mov cx, 5000; out 0x10, al; loop back; sti; jmp $
      let guest = try ProbeGuest.running(
        [0xb9, 0x88, 0x13, 0xe6, 0x10, 0xe2, 0xfc] + Self.spin)
      var exits = 0
      while exits < 5000 {
        let exit = try guest.processor.run(sliceLimitNanoseconds: 5_000_000)
        if exit.reason == .kick(.sliceLimit) {
          // A busy host may really have held one slice up for as long.
          #expect(exit.exitNanoseconds - exit.entryNanoseconds >= 5_000_000)
        } else {
          exits += 1
        }
      }
      #expect(
        try guest.processor.run(sliceLimitNanoseconds: 5_000_000).reason == .kick(.sliceLimit))
    }

    @Test func theProcessorMovesBetweenThreads() async throws {
      final class Box: @unchecked Sendable {
        let guest: ProbeGuest
        init(_ guest: ProbeGuest) { self.guest = guest }
      }
      let box = Box(try ProbeGuest.running(Self.spin))
      for _ in 0..<5 {
        let reason = await withCheckedContinuation { continuation in
          let thread = Thread {
            let exit = try? box.guest.processor.run(sliceLimitNanoseconds: 1_000_000)
            continuation.resume(returning: exit?.reason)
          }
          thread.start()
        }
        #expect(reason == .kick(.sliceLimit))
      }
    }
  }
}
