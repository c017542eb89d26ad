internal import FoundationEssentials
internal import Glibc
internal import Synchronization

/// Replays a reel's segments in processes of their own, so many at a time, and joins the results.
final class SegmentWorkers: Sendable {
  private struct State {
    /// The segments being replayed, by process.
    var running: [pid_t: Int] = [:]
    var isStopping = false
  }

  private let state = Mutex(State())
  private let reel: String
  private let arguments: [String]
  private let count: Int
  private let jobs: Int

  /// - Parameters:
  ///   - reel: the reel's path.
  ///   - arguments: of a worker, without the segment and the reel.
  ///   - count: segments.
  ///   - jobs: workers at a time.
  init(of reel: String, arguments: [String], count: Int, jobs: Int) {
    self.reel = reel
    self.arguments = arguments
    self.count = count
    self.jobs = jobs
  }

  /// Stops all workers and starts no more; may be called from any thread.
  func stop(with signal: Int32 = SIGTERM) {
    state.withLock { state in
      state.isStopping = true
      // A process in the list has not been waited for, so its number is still its own.
      for processID in state.running.keys { kill(processID, signal) }
    }
  }

  /// Runs the workers until all segments are replayed, one diverged or one failed.
  ///
  /// Segments after a divergence are not replayed to their end: an earlier one is all that could
  /// still matter.
  /// - Throws: ``CommandFailure`` when a worker failed; all others are stopped then.
  func run(into join: inout SegmentJoin) throws {
    let pipe = try ParentPipe()
    defer { pipe.closeBoth() }
    var children: [pid_t: ChildProcess] = [:]
    var notes: Set<String> = []
    var next = 1
    var last = count
    do {
      while true {
        while children.count < jobs, next <= last, let child = try start(next, pipe.readingEnd) {
          children[child.processID] = child
          next += 1
        }
        guard !children.isEmpty else { return }
        let (processID, segment, status) = try waitForOne()
        guard let child = children.removeValue(forKey: processID) else { continue }
        let end = child.end(status: status)
        forward(end.errors, &notes)
        guard segment <= last, !isStopping else { continue }
        let report = try self.report(end, of: segment)
        try join.add(report, from: name(of: segment))
        guard report.outcome == .diverged else { continue }
        last = segment
        endSegments(after: segment)
      }
    } catch {
      stop(with: SIGKILL)
      while !children.isEmpty, let (processID, _, status) = try? waitForOne() {
        _ = children.removeValue(forKey: processID)?.end(status: status)
      }
      throw error
    }
  }

  private var isStopping: Bool { state.withLock { $0.isStopping } }

  /// - Returns: `nil` when no more are to be started.
  private func start(_ segment: Int, _ input: Int32) throws -> ChildProcess? {
    try state.withLock { state in
      guard !state.isStopping else { return nil }
      let child = try ChildProcess(
        arguments: arguments + ["--segment", "\(segment)/\(count)", "--", reel], input: input)
      state.running[child.processID] = segment
      return child
    }
  }

  private func endSegments(after segment: Int) {
    state.withLock { state in
      for (processID, number) in state.running where number > segment { kill(processID, SIGKILL) }
    }
  }

  /// Waits for any worker's end.
  private func waitForOne() throws -> (processID: pid_t, segment: Int, status: Int32) {
    var facts = unsafe siginfo_t()
    // It stays in the process table until it is out of the list: nobody may signal its successor.
    while unsafe waitid(P_ALL, 0, &facts, WEXITED | WNOWAIT) != 0 {
      guard errno == EINTR else {
        throw CommandFailure(
          "waiting for a worker failed: \(unsafe String(cString: strerror(errno)))")
      }
    }
    let processID = unsafe facts._sifields._kill.si_pid
    return state.withLock { state in
      var status: Int32 = 0
      while unsafe waitpid(processID, &status, 0) < 0, errno == EINTR {}
      return (processID, state.running.removeValue(forKey: processID) ?? 0, status)
    }
  }

  /// What a worker has printed, once it has come to an end by itself.
  private func report(_ end: ChildProcess.End, of segment: Int) throws -> VerdictReport {
    if let signal = end.signal {
      throw CommandFailure(
        "\(name(of: segment)) was killed by signal \(signal); nothing is known about its segment")
    }
    guard let report = try? JSONDecoder().decode(VerdictReport.self, from: Data(end.output)) else {
      throw CommandFailure(
        "\(name(of: segment)) ended with status \(end.status ?? 0) and without a result; what it "
          + "said stands above")
    }
    return report
  }

  /// Prints what a worker had to say, but nothing that another has said before.
  private func forward(_ errors: [UInt8], _ notes: inout Set<String>) {
    for line in String(decoding: errors, as: UTF8.self).split(separator: "\n") {
      if notes.insert(String(line)).inserted { StandardError.note(String(line)) }
    }
  }

  private func name(of segment: Int) -> String { "the worker of segment \(segment)/\(count)" }
}
