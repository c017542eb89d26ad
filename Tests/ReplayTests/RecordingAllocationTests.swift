import CAllocationCounter
import Foundation
import Machine
import Replay
import Testing
import Trace
import TraceIO

/// What the vCPU's thread allocates while it records.
///
/// The recorder and the writer are the real ones, on a processor that allocates nothing itself;
/// `RecorderAllocationTests` does the same under KVM.
@Suite(
  .enabled(if: vmreel_allocation_count() >= 0, "this allocator cannot be counted"),
  .enabled(if: isOptimized, "unoptimised code allocates where optimised code does not"))
struct RecordingAllocationTests {
  /// Counts the thread's allocations over a recording.
  private func allocations(exits: UInt64, keyframeEvery: UInt64) throws -> Int {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("vmreel-recording-\(UUID().uuidString).reel").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let writer = try ReelWriter(
      path: path, overwrite: false, header: FileHeader(pageKey: [UInt8](1...16)),
      metadataJSON: Array("{}".utf8))
    var policy = RecordingPolicy()
    policy.keyframeExitInterval = keyframeEvery
    policy.exitLimit = exits
    let memory = try GuestMemory(mebibytes: 1)
    let recorder = Recorder(
      processor: TirelessProcessor(), memory: memory,
      board: Board(configuration: BoardConfiguration()), host: DeafHost(), sink: writer,
      policy: policy)
    let before = vmreel_allocation_count()
    let end = recorder.run()
    let count = vmreel_allocation_count() - before
    #expect(end.reason == .exitLimit && end.guestMadeExits == exits)
    #expect(end.keyframeCount == 2 + (keyframeEvery == 0 ? 0 : (exits - 1) / keyframeEvery))
    _ = try writer.finish(end)
    return count
  }

  /// Port and MMIO accesses, string accesses with payloads and kicks, and what hands chunks over:
  /// their being full, and host time.
  @Test func exitsAllocateNothing() throws {
    // What is made once in a process is made by now.
    _ = try allocations(exits: 1_000, keyframeEvery: 0)
    let few = try allocations(exits: 1_000, keyframeEvery: 0)
    let many = try allocations(exits: 201_000, keyframeEvery: 0)
    // A wait for the writer's thread may cost the system one; what an exit cost would be 200 000.
    #expect(many - few <= 8, "\(many - few) allocations for 200 000 exits more")
  }

  /// A keyframe allocates its lists of pages and of states, and nothing for what it holds: their
  /// number does not depend on how many exits or pages there are.
  @Test func keyframesAllocateListsOnly() throws {
    let few = try allocations(exits: 10_001, keyframeEvery: 1_000)
    let more = try allocations(exits: 10_001, keyframeEvery: 100)
    #expect((more - few) / 90 <= 150, "\((more - few) / 90) allocations for each keyframe")
  }
}

#if DEBUG
  private let isOptimized = false
#else
  private let isOptimized = true
#endif

private final class DeafHost: RecordingHost {
  let stopSignal: Int32? = nil
  let mayReceiveInput = false
  func takeInput() -> UInt8? { nil }
  func wait(untilNanoseconds deadline: UInt64?) -> UInt64 { deadline ?? 0 }
  func consoleOutput(_ stream: ConsoleStream, _ byte: UInt8) {}
}

/// Makes one exit after the other, 20 µs apart, in a fixed round of kinds.
@safe
private final class TirelessProcessor: Processor {
  private var runs: UInt64 = 0
  private let state = VCPUState()
  private let dirty = [UInt32](16..<80)
  private let data = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
  private(set) var registers = GeneralRegisters()
  var frozenTimestamp: UInt64?
  var requestsInterruptWindow = false
  let isReadyForInterrupt = false
  let areInterruptsEnabled = false
  let debugFeatures: DebugFeatures = []

  init() { unsafe data.initializeMemory(as: UInt8.self, repeating: 0x5a) }
  deinit { unsafe data.deallocate() }

  func run(sliceLimitNanoseconds limit: UInt64?) throws(ProcessorError) -> Exit {
    runs += 1
    registers.rip = 0x7c00 &+ runs % 977
    registers.rax = runs
    let reason: ExitReason =
      switch runs % 6 {
      case 0: .portRead(PortAccess(port: 0x64, width: 1))
      case 1: .memoryWrite(address: 0xf000_0000, width: 4, value: runs)
      case 2: .memoryRead(address: 0xf000_0000, width: 4)
      case 3: .portWrite(PortAccess(port: 0x80, width: 1, count: 16), value: 0)
      case 4: .kick(.sliceLimit)
      default: .portWrite(PortAccess(port: 0x80, width: 1), value: runs & 0xff)
      }
    return Exit(reason, entryNanoseconds: runs * 20_000, exitNanoseconds: runs * 20_000 + 15_000)
  }

  func withExitData<Result>(_ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result {
    unsafe body(UnsafeMutableRawBufferPointer(rebasing: data[..<16]))
  }

  func complete() throws(ProcessorError) -> Exit? { nil }
  func reply(_ value: UInt64) {}
  func replyTimestamp(_ value: UInt64) {}
  func code(at instructionPointer: UInt64) throws(ProcessorError) -> GuestCode? { nil }
  func injectInterrupt(vector: UInt8) throws(ProcessorError) {}
  func captureState() throws(ProcessorError) -> VCPUState { state }
  func restoreState(_ state: VCPUState) throws(ProcessorError) {}
  func setRegisters(_ registers: GeneralRegisters) throws(ProcessorError) {}
  func takeDirtyPages() throws(ProcessorError) -> [UInt32] { dirty }
  func step() throws(ProcessorError) -> Exit { Exit(.debug(address: 0)) }
  func setBreakpoint(_ address: UInt64?) throws(ProcessorError) -> Bool { false }
}
