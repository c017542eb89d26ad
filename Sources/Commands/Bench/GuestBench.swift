internal import Bytes
internal import Glibc
internal import KVM
internal import Machine
internal import Replay
internal import Trace
internal import TraceIO

/// Measures a whole guest run without recording, recorded, and replayed, alternated in one process.
struct GuestBench {
  var image: GuestImage
  var options: PolicyOptions
  var rounds: Int

  /// - Throws: ``CommandFailure`` when a run fails or a replay does not end identical.
  func run() throws -> GuestBenchResult {
    do {
      let facts = try HostProbe.facts()
      var (bare, recorded, replayed): ([Double], [Double], [Double]) = ([], [], [])
      var last = EndRecord(reason: .processorFailure)
      for round in 1...rounds {
        StandardError.note("round \(round) of \(rounds)")
        bare.append(try bareRound(facts))
        let path = TemporaryFile.name("vmreel-bench")
        defer { _ = unsafe unlink(path) }
        let (seconds, end) = try recordingRound(facts, path)
        recorded.append(seconds)
        last = end
        replayed.append(try replayRound(path))
      }
      return GuestBenchResult(
        guest: image.identity.name, rounds: rounds, guestMadeExits: last.guestMadeExits,
        keyframes: last.keyframeCount, bare: Spread(bare), recording: Spread(recorded),
        replay: Spread(replayed))
    } catch let error as ProcessorError {
      throw CommandFailure(error.sentence)
    } catch let error as FileError {
      throw CommandFailure(error.description)
    }
  }

  private func bareRound(_ facts: HostFacts) throws -> Double {
    let guest = try PreparedGuest(image, policy: options, on: facts, isRecording: false)
    return try Self.seconds { _ = try Self.run(guest, NullSink()) }
  }

  private func recordingRound(
    _ facts: HostFacts, _ path: String
  ) throws -> (seconds: Double, end: EndRecord) {
    let guest = try PreparedGuest(image, policy: options, on: facts)
    let metadata = RecordSession.metadata(guest, facts, tracesKernelExits: false)
    var end = EndRecord(reason: .processorFailure)
    let seconds = try Self.seconds {
      let writer = try ReelWriter(
        path: path, overwrite: true, header: FileHeader(pageKey: RandomKey.make(byteCount: 16)),
        metadataJSON: try JSONText.encode(metadata, pretty: false))
      end = try Self.run(guest, writer)
      _ = try writer.finish(end)
    }
    return (seconds, end)
  }

  private func replayRound(_ path: String) throws -> Double {
    let session = try ReplaySession(
      try OpenedReel(path: path), printsConsole: false, bounds: ReplayBounds(), knownLandings: [:])
    var isIdentical = false
    let seconds = try Self.seconds {
      if case .identical = try session.run().outcome { isIdentical = true }
    }
    guard isIdentical else {
      throw CommandFailure(
        "the replay did not end identical, so its time means nothing; record this guest with "
          + "`vmreel record` and look at its replay")
    }
    return seconds
  }

  private static func run(_ guest: PreparedGuest, _ sink: any TraceSink) throws -> EndRecord {
    let recorder = Recorder(
      processor: guest.processor, memory: guest.memory,
      board: Board(configuration: BoardConfiguration()), host: SilentHost(), sink: sink,
      policy: guest.policy)
    let end = recorder.run()
    if let failure = recorder.failure { throw failure }
    return end
  }

  private static func seconds(_ body: () throws -> Void) rethrows -> Double {
    let start = BenchClock.elapsed()
    try body()
    return Double(BenchClock.elapsed() - start) / 1e9
  }
}

/// The figures of a guest bench.
struct GuestBenchResult: Encodable {
  let schema = "vmreel.bench.guest/1"
  let unit = "seconds"
  var guest: String
  var rounds: Int
  /// Guest-made exits of the last recording.
  var guestMadeExits: UInt64
  var keyframes: UInt64
  var bare: Spread
  var recording: Spread
  var replay: Spread

  private var table: BenchTable {
    BenchTable(
      unit: "seconds", decimals: 3,
      rows: [("not recorded", bare), ("recorded", recording), ("replayed", replay)])
  }

  var text: String {
    table.text
      + "\(guest): \(guestMadeExits) exits, \(keyframes) keyframes; \(rounds) rounds, variants "
      + "alternated; medians\n"
  }

  var csv: String { table.csv(suffix: "s") }
}
