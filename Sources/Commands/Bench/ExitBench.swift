internal import Bytes
internal import Glibc
internal import KVM
internal import Machine
internal import Replay
internal import Trace
internal import TraceIO

/// Measures an exit's cost in three variants, alternated in one process.
struct ExitBench {
  /// Sets of rounds tried before a noisy machine is accepted and reported as such.
  private static let attempts = 5
  /// The spread of the bare loop above which a set is measured again.
  static let steadySpread = 0.10

  var exits: Int
  var rounds: Int

  func run() throws -> ExitBenchResult {
    var result = try measure()
    for _ in 1..<Self.attempts where !result.isSteady { result = try measure() }
    return result
  }

  private func measure() throws -> ExitBenchResult {
    var bare: [Double] = []
    var run: [Double] = []
    var recorded: [Double] = []
    for _ in 0..<rounds {
      bare.append(try bareRound())
      run.append(try runnerRound(NullSink()))
      recorded.append(try recordingRound())
    }
    guard let peak = ResidentPeak.mebibytes() else {
      throw CommandFailure("bench exits reads its memory from /proc, which is not there: mount it")
    }
    return ExitBenchResult(
      exits: exits, rounds: rounds, bare: Spread(bare), runner: Spread(run),
      recording: Spread(recorded), peakMiBWithoutGuestRAM: Int(peak) - 1)
  }

  private func bareRound() throws -> Double {
    let (processor, _) = try Self.makeGuest(exits: exits)
    return Double(try processor.runBare(exits: exits)) / Double(exits)
  }

  private func runnerRound(_ sink: any TraceSink) throws -> Double {
    let (processor, memory) = try Self.makeGuest(exits: exits)
    var policy = RecordingPolicy()
    policy.keyframeExitInterval = 0
    let recorder = Recorder(
      processor: processor, memory: memory, board: Board(configuration: BoardConfiguration()),
      host: SilentHost(), sink: sink, policy: policy)
    let end = recorder.run()
    if let failure = recorder.failure { throw failure }
    guard end.guestMadeExits == UInt64(exits) + 1 else {
      throw CommandFailure("the bench guest made \(end.guestMadeExits) exits, not \(exits + 1)")
    }
    return Double(end.durationNanoseconds) / Double(end.guestMadeExits)
  }

  private func recordingRound() throws -> Double {
    let path = TemporaryFile.name("vmreel-bench")
    defer { _ = unsafe unlink(path) }
    do {
      let writer = try ReelWriter(
        path: path, overwrite: true, header: FileHeader(pageKey: RandomKey.make(byteCount: 16)),
        metadataJSON: Array("{}".utf8))
      let cost = try runnerRound(writer)
      _ = try writer.finish(EndRecord(reason: .debugExit))
      return cost
    } catch let error as FileError {
      throw CommandFailure(error.description)
    }
  }

  /// A real-mode loop of OUT 0x80, AL, then a write to the debug-exit port.
  static func makeGuest(exits: Int) throws -> (KVMProcessor, GuestMemory) {
    var code = ByteWriter()
    code.append(bytes: [0x66, 0xb9])  // mov ecx, count
    code.append(UInt32(exits))
    code.append(bytes: [0xe6, 0x80])  // out 0x80, al
    code.append(bytes: [0x66, 0x49])  // dec ecx
    code.append(bytes: [0x75, 0xfa])  // jnz out
    code.append(bytes: [0xe6, 0xf4])  // out 0xf4, al
    let memory = try GuestMemory(mebibytes: 1)
    let loader = FlatLoader(image: code.bytes, loadAddress: 0x7c00, mode: .realMode)
    let processor = try KVMProcessor(memory: memory)
    var state = try processor.captureState()
    try loader.load(into: memory).apply(to: &state)
    try processor.restoreState(state)
    return (processor, memory)
  }
}

/// Takes everything and keeps nothing: the runner without recording.
final class NullSink: TraceSink {
  let hasFailed = false
  func append(_ event: Event) {}
  func append(_ event: Event, payload: UnsafeRawBufferPointer) {}
  func append(_ capture: KeyframeCapture) {}
}

/// A world without input, signals or anybody reading the console.
final class SilentHost: RecordingHost {
  let stopSignal: Int32? = nil
  let mayReceiveInput = false
  func takeInput() -> UInt8? { nil }
  func wait(untilNanoseconds deadline: UInt64?) -> UInt64 { deadline ?? 0 }
  func consoleOutput(_ stream: ConsoleStream, _ byte: UInt8) {}
}
