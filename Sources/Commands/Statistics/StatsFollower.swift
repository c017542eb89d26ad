internal import Analysis
internal import Glibc
internal import Reporting
internal import Trace
internal import TraceIO

/// Counts a reel while it is being recorded: `stats --follow`.
struct StatsFollower {
  private static let intervalMilliseconds: UInt32 = 1000
  /// Clears the screen and goes to its top.
  private static let clearScreen = "\u{1b}[H\u{1b}[2J"

  var path: String
  var selection: StatisticsSelectionOptions
  var presentation: StatisticsPresentationOptions

  /// Shows the counts every second on a terminal, and once at the end elsewhere.
  ///
  /// It ends when the reel does, when its recorder is gone, or by a signal, with that signal's status.
  func run() throws {
    let signals = SignalWatch()
    let isTerminal = isatty(STDOUT_FILENO) != 0
    var opened = try OpenedReel(path: currentPath, notesStripping: false, notesEnd: false)
    let query = try selection.query(for: opened, isGrowing: true)
    var collection = StatisticsCollection(opened.reel, query, metadata: opened.metadata)
    var isLast = false
    while true {
      try opened.reading { reel throws in try collection.resume(reel) }
      let isOver = isLast || opened.reel.tail == .whole || signals.received != nil
      if isOver || isTerminal {
        if isTerminal { StandardOutput.shared.write(Self.clearScreen) }
        try presentation.show(
          collection.finish(opened.reel), isTableOnly: selection.isSpecific)
        StandardOutput.shared.drain()
      }
      if isOver || StandardOutput.shared.hasFailed { break }
      pause(signals)
      // Asked before the file is read again: what came in between is counted once more.
      isLast = !isBeingWritten
      opened = try OpenedReel(path: currentPath, notesStripping: false, notesEnd: false)
    }
    if let signal = signals.received { throw ExitStatus.signal(signal) }
    if opened.reel.tail != .whole {
      StandardError.note("note: nobody records \(opened.path) any more, and it is partial")
      throw ExitStatus.trouble
    }
  }

  /// The reel's path: with `.part` while it is recorded, without when it is done.
  private var currentPath: String {
    if unsafe access(path, F_OK) == 0 { return path }
    if path.hasSuffix(".part") {
      let final = String(path.dropLast(5))
      return unsafe access(final, F_OK) == 0 ? final : path
    }
    return unsafe access(path + ".part", F_OK) == 0 ? path + ".part" : path
  }

  private var isBeingWritten: Bool {
    guard let file = try? ReelFile(path: currentPath) else { return false }
    return file.isBeingWritten
  }

  private func pause(_ signals: SignalWatch) {
    for _ in 0..<10 where signals.received == nil { usleep(Self.intervalMilliseconds * 100) }
  }
}
