internal import Trace

/// Gathers what a report shows beyond `stats`, in one pass.
struct ReportCollection: ExitObserver {
  /// The exits of the list of the slowest.
  private static let slowestCount = 50
  /// Events between two calls of the progress closure.
  private static let stride: UInt64 = 1 << 14

  private var timeline: TimelineCollector
  private var places: [PlaceCollector]
  private var tables: ExitTabulators
  private var slow: SlowExits
  private var lines = ConsoleCollector()
  private let hasConsole: Bool
  private let sealNumbers: Set<UInt64>
  private let progress: (EventIndex) -> Void
  private var nextProgress: EventIndex = 0

  init(
    _ reel: Reel, _ pass: StatisticsPass, _ selection: ExitSelection,
    progress: @escaping (EventIndex) -> Void
  ) {
    let names = pass.names
    let origin = pass.hasTimes && selection.isAll ? Self.origin(of: reel) : nil
    timeline = TimelineCollector(isByTime: pass.hasTimes, origin: origin, names)
    places = [.port, .gpa, .msr].map { PlaceCollector($0, names) }
    var dimensions: [ExitDimension] = [.device, .rip, .vcpu]
    if names.symbols != nil { dimensions.insert(.symbol, at: 1) }
    if names.phases.count > 1 { dimensions.append(.phase) }
    tables = ExitTabulators(dimensions.map { ExitTabulator(.vmexit, by: [$0], names) })
    slow = SlowExits(slowerThan: 0, .vmexit, limit: Self.slowestCount, names)
    hasConsole = reel.header.hasConsole
    sealNumbers = Self.seals(of: reel)
    self.progress = progress
  }

  /// The recording's begin, so that plots of one reel begin together; `nil` for a reel that tells
  /// of so late a part of it that the plots would be empty.
  private static func origin(of reel: Reel) -> UInt64? {
    let headers = (reel.eventBlocks + reel.kernelExitBlocks).map(\.header)
    guard let first = headers.map(\.firstTime).min(), let last = headers.map(\.lastTime).max()
    else { return nil }
    return first < last / 8 ? 0 : nil
  }

  /// The numbers of the keyframes that are seals; damaged ones are left out.
  private static func seals(of reel: Reel) -> Set<UInt64> {
    var numbers: Set<UInt64> = []
    for block in reel.blocks where block.header.type == .keyframe {
      guard let keyframe = try? reel.keyframe(of: block), keyframe.kind == .seal else { continue }
      numbers.insert(UInt64(keyframe.number))
    }
    return numbers
  }

  var columns: Set<EventColumn> {
    places.reduce(into: tables.columns.union(slow.columns).union([.stream, .value])) {
      $0.formUnion($1.columns)
    }
  }

  mutating func observe(_ exit: borrowing ExitSample) {
    if exit.index >= nextProgress {
      nextProgress = exit.index &+ Self.stride
      progress(exit.index)
    }
    let interval = interval(time: exit.exitTime, event: exit.index)
    let reason = exit.reason
    guard reason.isa != 0 || reason.code < 32 else {
      timeline.count(.kicks, in: interval)
      return
    }
    timeline.count(exit, in: interval)
    if exit.space != .none {
      for place in places.indices { places[place].count(exit, in: interval) }
    }
    tables.observe(exit)
    if !exit.reason.isHalt { slow.observe(exit) }
  }

  mutating func observe(interrupt: borrowing ExitSample) {
    timeline.count(
      .interrupts, in: interval(time: interrupt.exitTime, event: interrupt.index))
  }

  mutating func observe(consoleByte: UInt8, stream: UInt8, at event: EventIndex, time: UInt64) {
    guard hasConsole, lines.take(consoleByte, stream, event, time) else { return }
    timeline.count(.consoleLines, in: interval(time: time, event: event))
  }

  mutating func observe(mark: EventKind, number: UInt64, at event: EventIndex, time: UInt64) {
    guard mark == .keyframe else { return }
    timeline.count(
      sealNumbers.contains(number) ? .seals : .keyframes, in: interval(time: time, event: event))
  }

  private mutating func interval(time: UInt64, event: EventIndex) -> Int {
    let (interval, doublings) = timeline.place(time: time, event: event)
    for _ in 0..<doublings {
      for place in places.indices { places[place].double() }
    }
    return interval
  }

  /// What was gathered.
  var view: ReportView {
    var view = ReportView()
    view.timeline = timeline.timeline
    view.places = places.map { $0.places(view.timeline.intervalCount) }
      .filter { !$0.table.rows.isEmpty }
    view.tables = tables.all.map { $0.table() }.filter { table in
      switch table.dimensions {
      case [.vcpu]: table.rows.count > 1
      case [.device], [.symbol]: table.rows.contains { $0.cells != ["-"] }
      default: !table.rows.isEmpty
      }
    }
    view.slowest = slow.exits
    return view
  }

  /// The lines of the consoles.
  var console: ReportConsole { lines.console }
}
