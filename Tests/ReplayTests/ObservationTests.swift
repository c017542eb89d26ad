import Machine
import Replay
import Testing
import Trace

/// An observer that saw a given number of kernel exits in each run.
private final class ScriptedObserver: HostObserver {
  var exitsInEachRun: [Int]
  private(set) var calls = 0
  private var time: UInt64 = 0

  init(_ exitsInEachRun: [Int]) { self.exitsInEachRun = exitsInEachRun }

  func takeKernelExits(_ body: (UnsafeBufferPointer<KernelExit>) -> Void) {
    let count = calls < exitsInEachRun.count ? exitsInEachRun[calls] : 0
    calls += 1
    for index in 0..<count {
      time += 1_000_000
      var exit = KernelExit()
      exit.isa = 2
      exit.reason = 0x400
      exit.exitNanoseconds = time
      exit.entryNanoseconds = index == 0 ? nil : time - 7
      exit.guestPhysicalAddress = index == 0 ? 0x1000 : nil
      exit.outcome = index == count - 1 ? .returned : .handled
      let exits = [exit]
      unsafe exits.withUnsafeBufferPointer { unsafe body($0) }
    }
  }

  func counters() -> [HostCounter] { [HostCounter(name: "kvm.exits", value: UInt64(calls))] }
}

@Suite struct ObservationTests {
  private func run(
    _ observer: ScriptedObserver?, _ operations: [Operation]
  ) throws -> MemoryReel {
    let memory = try GuestMemory(mebibytes: 1)
    let sink = MemoryReel()
    let recorder = Recorder(
      processor: ScriptedProcessor(
        ScriptedProgram(operations), memory: memory, script: ProcessorScript()),
      memory: memory, board: Board(configuration: BoardConfiguration()), host: ScriptedHost(),
      sink: sink, policy: quietPolicy(), observer: observer)
    _ = recorder.run()
    return sink
  }

  private let program = [
    Operation.out(0x80, width: 1), .out(0x80, width: 1), .set(.rax, 0), .out(0xf4, width: 1),
  ]

  @Test("What happened in a run comes after the last event before the run's own exit")
  func anchors() throws {
    let reel = try run(ScriptedObserver([2, 0, 1]), program)
    // Event 0 is the base keyframe, 1 to 3 the three writes, 4 the end keyframe.
    #expect(reel.kernelExits.map(\.anchor) == [0, 0, 2])
    #expect(reel.events[1].kind == .portWrite)
    let first = try #require(reel.kernelExits.first)
    #expect(first.flags == .address)
    #expect(first.address == 0x1000)
    #expect(first.entryTime == first.exitTime, "no entry time is known")
    #expect(reel.kernelExits[1].flags == [.returned, .entryTime])
  }

  @Test("Counters are read at the start and at the end")
  func totals() throws {
    let reel = try run(ScriptedObserver([]), program)
    #expect(reel.totals.map(\.moment) == [.start, .end])
    #expect(reel.totals.map(\.anchor) == [nil, 4])
    #expect(reel.totals.map { $0["kvm.exits"] } == [0, 4], "three runs and one look at the end")
  }

  @Test("An observer changes no event, and none is needed")
  func unchanged() throws {
    let with = try run(ScriptedObserver([5, 5, 5]), program)
    let without = try run(nil, program)
    #expect(with.events == without.events)
    #expect(without.totals.isEmpty && without.kernelExits.isEmpty)
  }
}
