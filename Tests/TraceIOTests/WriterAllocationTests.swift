import CAllocationCounter
import Testing
import Trace
import TraceIO

/// What the recording thread allocates in the writer once recording has begun: nothing.
@Suite(.enabled(if: vmreel_allocation_count() >= 0, "this allocator cannot be counted"))
struct WriterAllocationTests {
  /// How often this thread asks for memory while the body runs.
  private func allocations(_ body: () -> Void) -> Int {
    let before = vmreel_allocation_count()
    body()
    return vmreel_allocation_count() - before
  }

  private func withWriter(_ body: (ReelWriter) throws -> Void) throws {
    let directory = try TemporaryDirectory()
    let output = try ReelOutput(path: directory.file("a.reel"), overwrite: false)
    let writer = try ReelWriter(
      output, header: FileHeader(pageKey: [UInt8](1...16)), metadataJSON: Array("{}".utf8),
      expectsKernelExits: true)
    try body(writer)
    _ = try writer.finish(endRecord(events: 0))
  }

  /// The counter counts: an array of a size unknown to the optimiser is one allocation or more.
  @Test func theCounterCounts() {
    let start = vmreel_allocation_count()
    let made = [UInt8](repeating: 0, count: 1000 + Int(start % 2))
    #expect(vmreel_allocation_count() > start && !made.isEmpty)
  }

  /// 200 000 events cross six borders of chunks; their payloads and times cross some more.
  @Test(.enabled(if: isOptimized, "unoptimised code allocates where optimised code does not"))
  func events() throws {
    try withWriter { writer in
      let payload: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
      let count = allocations {
        unsafe payload.withUnsafeBytes { payload in
          for index in 0..<200_000 {
            var event = noisyEvent(index)
            event.exitTime *= 20
            if index % 4 == 0 {
              unsafe writer.append(event, payload: payload)
            } else {
              writer.append(event)
            }
            if index % 1000 == 0 { writer.passTime(event.exitTime) }
          }
        }
      }
      #expect(count == 0, "\(count) allocations for 200 000 events")
    }
  }

  @Test(.enabled(if: isOptimized, "unoptimised code allocates where optimised code does not"))
  func kernelExits() throws {
    try withWriter { writer in
      let count = allocations {
        for index in 0..<100_000 { writer.append(KernelExitWriterTests.kernelExit(index)) }
      }
      #expect(count == 0, "\(count) allocations for 100 000 kernel exits")
    }
  }

  /// More pages than the pool has room for, so that the thread waits too.
  @Test(.enabled(if: isOptimized, "unoptimised code allocates where optimised code does not"))
  func keyframesWithPages() throws {
    try withWriter { writer in
      let content = (0..<PageBlock.pageSize).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      let captures = (0..<20).map { number in
        unsafe KeyframeCapture(
          keyframe: Keyframe(
            number: UInt64(number), kind: .periodic, parent: nil, isFullMap: false,
            eventIndex: UInt64(number), guestMadeExits: 0, digest: 0, virtualTime: 0, pages: [],
            vcpuStates: [StateEntry(kind: 1, version: 1, bytes: content)], boardStates: [])
        ) { body in
          for page in 0..<600 as Range<UInt32> {
            unsafe content.withUnsafeBytes { unsafe body(page, $0) }
          }
        }
      }
      let count = allocations {
        for (number, capture) in captures.enumerated() {
          var mark = Event(.keyframe)
          mark.address = UInt64(number)
          mark.exitTime = UInt64(number) * 300_000_000
          writer.append(mark)
          writer.append(capture)
        }
      }
      #expect(count == 0, "\(count) allocations for 20 keyframes")
      #expect((writer.waits.count == 0) == (writer.waits.nanoseconds == 0))
    }
  }
}

#if DEBUG
  private let isOptimized = false
#else
  private let isOptimized = true
#endif
