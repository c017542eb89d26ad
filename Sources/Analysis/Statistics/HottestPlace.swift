internal import Trace

/// Exits and their handling time by place in the code, to find the one that makes most of them: a
/// table without what a place that is not shown needs no time for.
struct HottestPlace: Sendable {
  private var index: ExitRowIndex
  private var tallies: [Tally] = []

  private struct Tally {
    var samples: UInt64 = 0
    var handling: UInt64 = 0
  }

  /// Tells exits apart by RIP or, with symbols, by function.
  init(_ names: ExitNames) {
    index = ExitRowIndex(names.symbols == nil ? [.rip] : [.symbol], names)
  }

  /// The places.
  var count: Int { tallies.count }

  /// Counts an exit.
  @inline(__always)
  mutating func count(_ exit: borrowing ExitSample) {
    add(exit.handlingNanoseconds, to: index.row(of: exit))
  }

  /// Counts an exit of a run.
  @inline(__always)
  mutating func count(_ exit: Int, of run: borrowing EventRun, handling: UInt64) {
    add(handling, to: index.row(of: exit, of: run))
  }

  /// Counts a kernel exit of a run.
  @inline(__always)
  mutating func count(_ exit: Int, of run: borrowing KernelExitRun, handling: UInt64) {
    let rip = run.rips[exit]
    if let row = index.cachedRow(rip: rip) {
      add(handling, to: row)
    } else {
      var sample = ExitSample()
      sample.rip = rip
      add(handling, to: index.row(of: sample))
    }
  }

  @inline(__always)
  private mutating func add(_ nanoseconds: UInt64, to row: Int?) {
    guard let row else { return }
    if row == tallies.count { tallies.append(Tally()) }
    tallies[row].samples &+= 1
    tallies[row].handling = tallies[row].handling.addingSaturated(nanoseconds)
  }

  /// The place of most exits, by name where several have as many; `nil` of none.
  var row: (cell: String, samples: UInt64, handling: UInt64)? {
    guard let most = tallies.lazy.map(\.samples).max() else { return nil }
    return tallies.indices.lazy.filter { tallies[$0].samples == most }
      .map { (index.cells($0)[0], most, tallies[$0].handling) }
      .min { $0.0 < $1.0 }
  }
}
