import Machine
import ReelFixtures
import Replay
import Testing
import Trace

/// A finished recording with everything a test looks at.
struct Recording {
  var program: ScriptedProgram
  var policy: RecordingPolicy
  var bytes: [UInt8]
  var events: [Event]
  var registers: [GeneralRegisters]
  var end: EndRecord
  var console: [UInt8]
  var failure: ProcessorError?
  var memory: GuestMemory
  var processor: ScriptedProcessor
  var host: ScriptedHost

  var kinds: [EventKind] { events.map(\.kind) }

  func editable() throws -> EditableReel { try EditableReel(bytes, registers: registers) }
}

/// A finished replay.
struct Replayed {
  var verdict: ReplayVerdict
  var console: [UInt8]
  var landings: [LandingReport]
  var memory: GuestMemory

  var isIdentical: Bool { if case .identical = verdict.outcome { true } else { false } }
  var isConsistent: Bool { if case .consistent = verdict.outcome { true } else { false } }
  var divergence: Divergence? {
    if case .diverged(let divergence) = verdict.outcome { divergence } else { nil }
  }
}

/// A policy under which nothing is kicked, only base and end keyframes are taken, and no program
/// records for ever.
func quietPolicy(_ change: (inout RecordingPolicy) -> Void = { _ in }) -> RecordingPolicy {
  var policy = RecordingPolicy()
  policy.interruptWindowIsExact = true
  policy.quantumNanoseconds = 1_000_000
  policy.keyframeExitInterval = 0
  policy.exitLimit = 10_000
  change(&policy)
  return policy
}

func record(
  _ program: ScriptedProgram, policy: RecordingPolicy = quietPolicy(),
  script: ProcessorScript = ProcessorScript(), eventsPerBlock: Int = 50,
  sink: MemoryReel? = nil, configure: (ScriptedHost) -> Void = { _ in }
) throws -> Recording {
  let memory = try GuestMemory(mebibytes: 1)
  memory.write(Array("Hello, reel!\n".utf8), at: GuestPrograms.greeting)
  let processor = ScriptedProcessor(program, memory: memory, script: script)
  let host = ScriptedHost()
  configure(host)
  let sink = sink ?? MemoryReel(eventsPerBlock: eventsPerBlock)
  sink.currentRegisters = { processor.registers }
  let recorder = Recorder(
    processor: processor, memory: memory, board: Board(configuration: BoardConfiguration()),
    host: host, sink: sink, policy: policy)
  let end = recorder.run()
  sink.currentRegisters = { GeneralRegisters() }
  return Recording(
    program: program, policy: policy, bytes: sink.finish(end), events: sink.events,
    registers: sink.registers, end: end, console: host.console, failure: recorder.failure,
    memory: memory, processor: processor, host: host)
}

/// Bounds small enough that a test notices a replay that does not end.
func smallBounds() -> ReplayBounds {
  var bounds = ReplayBounds()
  bounds.noExitNanoseconds = 20_000
  bounds.landingStops = 20_000
  bounds.landingNanoseconds = 20_000
  return bounds
}

func replay(
  _ recording: Recording, bytes: [UInt8]? = nil, range: ReplayRange = .whole,
  resyncs: Bool = false, correction: ReplayCorrection? = nil,
  script: ProcessorScript = ProcessorScript(),
  bounds: ReplayBounds = smallBounds(), knownLandings: [UInt64: UInt64] = [:],
  hostIsOfRecordedKind: Bool = true
) throws -> Replayed {
  let memory = try GuestMemory(mebibytes: 1)
  let processor = ScriptedProcessor(recording.program, memory: memory, script: script)
  let observer = ConsoleRecorder()
  let replayer = Replayer(
    processor: processor, memory: memory, reel: try Reel(MemorySource(bytes ?? recording.bytes)),
    policy: ReplayPolicy(
      interruptWindowIsExact: recording.policy.interruptWindowIsExact, tsc: recording.policy.tsc,
      hostIsOfRecordedKind: hostIsOfRecordedKind),
    range: range, resyncs: resyncs, correction: correction, bounds: bounds,
    knownLandings: knownLandings, observer: observer)
  let verdict = try replayer.run()
  return Replayed(
    verdict: verdict, console: observer.console, landings: observer.landings, memory: memory)
}

/// RAM as a whole, for comparing two guests.
func contents(_ memory: GuestMemory) -> [UInt8]? { memory.read(0, count: memory.byteCount) }
