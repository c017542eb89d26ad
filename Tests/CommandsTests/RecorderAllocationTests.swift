import Bytes
import CAllocationCounter
import Foundation
import KVM
import Machine
import Replay
import Testing
import Trace
import TraceIO

/// The recording thread may not allocate for an exit: counted on the real thing, KVM and disk.
@Suite struct RecorderAllocationTests {
  /// Counts the thread's allocations over a recording of `exits` port writes.
  private func allocations(exits: UInt32) throws -> Int {
    var code = ByteWriter()
    code.append(bytes: [0x66, 0xb9])  // mov ecx, exits
    code.append(exits)
    // out 0x80, al; in al, 0x64; dec ecx; jnz; out 0xf4, al
    code.append(bytes: [0xe6, 0x80, 0xe4, 0x64, 0x66, 0x49, 0x75, 0xf8, 0xe6, 0xf4])
    let memory = try GuestMemory(mebibytes: 1)
    let processor = try KVMProcessor(memory: memory)
    var state = try processor.captureState()
    let loader = FlatLoader(image: code.bytes, loadAddress: 0x7c00, mode: .realMode)
    try loader.load(into: memory).apply(to: &state)
    try processor.restoreState(state)
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("vmreel-allocations-\(UUID().uuidString).reel").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let writer = try ReelWriter(
      path: path, overwrite: false, header: FileHeader(pageKey: RandomKey.make(byteCount: 16)),
      metadataJSON: Array("{}".utf8))
    var policy = RecordingPolicy()
    policy.keyframeExitInterval = 0
    let recorder = Recorder(
      processor: processor, memory: memory, board: Board(configuration: BoardConfiguration()),
      host: DeafHost(), sink: writer, policy: policy)
    let before = vmreel_allocation_count()
    let end = recorder.run()
    let count = vmreel_allocation_count() - before
    #expect(end.guestMadeExits == UInt64(exits) * 2 + 1, "the guest ran to its end")
    _ = try writer.finish(end)
    return count
  }

  @Test(
    "The recording thread allocates for keyframes, never for an exit",
    .enabled(if: isKVMUsable, "no usable /dev/kvm"),
    .enabled(if: isOptimized, "unoptimised code allocates where optimised code does not"),
    .enabled(if: vmreel_allocation_count() >= 0, "this allocator cannot be counted"))
  func exitsDoNotAllocate() throws {
    // What is made once in a process is made by now.
    _ = try allocations(exits: 100)
    let few = try allocations(exits: 100)
    let many = try allocations(exits: 20_100)
    // 40 000 exits and 60 000 events more fill two chunks; the two keyframes allocate as many lists
    // as there happen to be pages for.
    #expect(many - few <= 8, "\(many - few) allocations for 40 000 exits more")
  }
}

#if DEBUG
  private let isOptimized = false
#else
  private let isOptimized = true
#endif
private let isKVMUsable = (try? HostProbe.facts()) != nil

private final class DeafHost: RecordingHost {
  let stopSignal: Int32? = nil
  let mayReceiveInput = false
  func takeInput() -> UInt8? { nil }
  func wait(untilNanoseconds deadline: UInt64?) -> UInt64 { deadline ?? 0 }
  func consoleOutput(_ stream: ConsoleStream, _ byte: UInt8) {}
}
