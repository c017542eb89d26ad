public import Analysis
public import Trace

/// A reel as a timeline: slices, instants and a counter, in the format of a viewer.
public struct TimelineExport: ExportTarget {
  /// The viewers' formats.
  public enum Format: Sendable {
    /// Perfetto's protobuf.
    case perfetto
    /// The JSON of Chrome's about:tracing.
    case chrome
  }

  /// Everything.
  public let needs: ExportNeeds = [.events, .kernelExits]
  private var builder: any TimelineBuilding

  /// Begins the timeline; the reel must have times.
  public init(
    _ format: Format, facts: ExportFacts, names: KernelExitName, to output: ByteOutput
  ) {
    builder =
      switch format {
      case .perfetto: TimelineBuilder(PerfettoTimeline(output), facts, names)
      case .chrome: TimelineBuilder(ChromeTimeline(output), facts, names)
      }
  }

  /// Takes an event.
  public mutating func receive(
    _ event: Event, at index: EventIndex, payload: ArraySlice<UInt8>
  ) throws { try builder.add(event, at: index, payload: payload) }

  /// Takes a kernel exit.
  public mutating func receive(_ exit: KernelExitRecord) throws { try builder.add(exit) }
  /// Ends the handling of an exit with an event behind the range.
  public mutating func complete(with event: Event) throws -> Bool { builder.complete(with: event) }
  /// Ends a kernel exit with one behind the range.
  public mutating func complete(with exit: KernelExitRecord) throws -> Bool {
    builder.complete(with: exit)
  }
  /// Takes what is left of the exits whose next entries were lost.
  public mutating func noteGap() throws { try builder.noteGap() }
  /// Ends the export.
  public mutating func finish() throws { try builder.finish() }
}

private protocol TimelineBuilding {
  mutating func add(_ event: Event, at index: EventIndex, payload: ArraySlice<UInt8>) throws
  mutating func add(_ exit: KernelExitRecord) throws
  mutating func complete(with event: Event) -> Bool
  mutating func complete(with exit: KernelExitRecord) -> Bool
  mutating func noteGap() throws
  mutating func finish() throws
}

/// Decides what of a reel is shown on which track, for any format.
private struct TimelineBuilder<Format: TimelineFormat>: TimelineBuilding {
  private static var counterPeriod: UInt64 { 1_000_000 }

  private var format: Format
  private let hasConsole: Bool
  private var isDeclared = [Bool](repeating: false, count: TimelineTrack.numberLimit)
  private var places = PlaceTable()
  private var placeNumbers: [Int] = []
  private var reasons: KernelReasonTable
  private var reasonNumbers: [Int] = []
  private var markNumbers: [UInt64: Int] = [:]
  private var nameCount = 0
  private var exits = ExitPairing<Event>(hasTimes: true)
  private var kernelExits = ExitPairing<KernelExitRecord>(hasTimes: true)
  private var kernelExitCount: UInt64 = 0
  private var lines = ConsoleLines()
  /// When the vCPU was left last: events that are no exits have no times of their own.
  private var exitTimes: [UInt64] = []
  private var period: UInt64 = 0
  private var exitsInPeriod: UInt64 = 0

  init(_ format: Format, _ facts: ExportFacts, _ names: KernelExitName) {
    self.format = format
    hasConsole = facts.hasConsole
    reasons = KernelReasonTable(names)
    self.format.begin(facts)
  }

  mutating func add(_ event: Event, at index: EventIndex, payload: ArraySlice<UInt8>) throws {
    if event.kind.isExit {
      countExit(at: event.exitTime)
      remember(event)
      if let exit = exits.add(event, number: index) { show(exit) }
    }
    if event.stream != 0, hasConsole {
      for line in lines.add(event, at: index, payload: payload) { show(line) }
    }
    if !event.kind.isGuestMade { showMark(event, at: index) }
    try format.output.handOnIfFull()
  }

  mutating func add(_ exit: KernelExitRecord) throws {
    if let exit = kernelExits.add(exit, number: kernelExitCount) { show(exit) }
    kernelExitCount += 1
    try format.output.handOnIfFull()
  }

  mutating func complete(with event: Event) -> Bool {
    let (exit, isWaiting) = exits.complete(with: event)
    if let exit { show(exit) }
    return isWaiting
  }

  mutating func complete(with exit: KernelExitRecord) -> Bool {
    let (exit, isWaiting) = kernelExits.complete(with: exit)
    if let exit { show(exit) }
    return isWaiting
  }

  mutating func noteGap() throws {
    for exit in exits.removeAll() { show(exit) }
    for exit in kernelExits.removeAll() { show(exit) }
  }

  mutating func finish() throws {
    try noteGap()
    for line in lines.removeAll() { show(line) }
    endPeriod()
    format.end()
    try format.output.handOn()
  }

  private mutating func declare(_ track: TimelineTrack) -> TimelineTrack {
    if !isDeclared[track.number] {
      isDeclared[track.number] = true
      format.declare(track)
    }
    return track
  }

  private mutating func makeNumber() -> Int {
    nameCount += 1
    return nameCount - 1
  }

  // MARK: - Exits

  /// An exit whose end is not known is shown as a moment.
  private mutating func show(_ timed: TimedExit<Event>) {
    let event = timed.exit
    let track = declare(.vcpu(event.vcpu))
    let details = TimelineDetails(event: timed.number, rip: event.rip)
    let place = places.number(of: event)
    if place == placeNumbers.count { placeNumbers.append(makeNumber()) }
    let name = TimelineName.repeated(placeNumbers[place], places.places[place].title)
    if let handling = timed.handlingNanoseconds {
      format.addSlice(
        name, on: track, from: event.exitTime, to: event.exitTime + handling, details)
    } else {
      format.addInstant(name, on: track, at: event.exitTime, details)
    }
  }

  private mutating func show(_ timed: TimedExit<KernelExitRecord>) {
    let exit = timed.exit
    let track = declare(.kernelExits(exit.vcpu))
    let details = TimelineDetails(event: exit.anchor, rip: exit.rip)
    let reason = reasons.number(of: exit)
    if reason == reasonNumbers.count { reasonNumbers.append(makeNumber()) }
    let name = TimelineName.repeated(reasonNumbers[reason], reasons.reasons[reason].name)
    if let kernel = timed.handlingNanoseconds {
      format.addSlice(name, on: track, from: exit.exitTime, to: exit.exitTime + kernel, details)
    } else {
      format.addInstant(name, on: track, at: exit.exitTime, details)
    }
  }

  // MARK: - Marks

  private mutating func remember(_ event: Event) {
    let vcpu = Int(event.vcpu)
    while exitTimes.count <= vcpu { exitTimes.append(0) }
    exitTimes[vcpu] = event.exitTime
  }

  private func time(of event: Event) -> UInt64 {
    let vcpu = Int(event.vcpu)
    return vcpu < exitTimes.count ? exitTimes[vcpu] : 0
  }

  private mutating func showMark(_ event: Event, at index: EventIndex) {
    let details = TimelineDetails(event: index, rip: event.kind.isExit ? event.rip : nil)
    switch event.kind {
    case .interrupt:
      let track = declare(.interrupts)
      // A vector is a byte; a hostile reel's may be more.
      let name: TimelineName =
        event.address < 256
        ? repeatedMark(event.address) { "vector " + HexWord(event.address).description }
        : .single("vector " + HexWord(event.address).description)
      format.addInstant(name, on: track, at: time(of: event), details)
    case .keyframe, .resync, .kick, .deviceWrite:
      let track = declare(.recorder)
      let name = repeatedMark(256 + UInt64(event.kind.rawValue)) { event.kind.name }
      format.addInstant(name, on: track, at: time(of: event), details)
    default: break
    }
  }

  private mutating func repeatedMark(_ key: UInt64, _ text: () -> String) -> TimelineName {
    let number = markNumbers[key] ?? makeNumber()
    markNumbers[key] = number
    return .repeated(number, text())
  }

  private mutating func show(_ line: ConsoleLine) {
    let track = declare(.console(line.stream, name: line.streamName))
    format.addInstant(
      .single(line.text), on: track, at: line.exitTime, TimelineDetails(event: line.first))
  }

  // MARK: - The counter

  /// Counts an exit in its millisecond; one that another vCPU made earlier counts in the current.
  private mutating func countExit(at time: UInt64) {
    let current = time / Self.counterPeriod
    if current > period {
      endPeriod()
      if exitsInPeriod > 0, current > period + 1 { addCount(0, period + 1) }
      (period, exitsInPeriod) = (current, 0)
    }
    exitsInPeriod += 1
  }

  private mutating func endPeriod() {
    if exitsInPeriod > 0 { addCount(exitsInPeriod, period) }
  }

  private mutating func addCount(_ count: UInt64, _ period: UInt64) {
    let track = declare(.exitRate)
    format.addCount(count, on: track, at: period * Self.counterPeriod)
  }
}
