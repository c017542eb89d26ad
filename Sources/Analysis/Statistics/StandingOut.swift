public import Trace

/// What stands out in a run: exits that could be saved and where the time goes, in numbers.
public struct StandingOut: ExitObserver {
  /// One finding.
  public struct Finding: Codable, Equatable, Sendable {
    /// A name that stays the same from version to version: `serial-polls`.
    public var name: String
    /// The exits it is about.
    public var exits: UInt64
    /// Their share of all guest-made exits, in percent.
    public var exitsPercent: Double
    /// The host time of handling them.
    public var handlingNanoseconds: UInt64
    /// What it is, in one sentence.
    public var sentence: String
  }

  private struct Tally {
    var exits: UInt64 = 0
    var handling: UInt64 = 0

    @inline(__always)
    mutating func add(_ nanoseconds: UInt64) {
      exits &+= 1
      handling = handling.addingSaturated(nanoseconds)
    }
  }

  /// An access to a port.
  private struct PortAccess {
    var port: UInt64
    var isWrite: Bool
    var rip: UInt64
  }

  /// Findings about less than this share of exits or of handling time are left out, in percent.
  private static let leastPercent = 1.0

  private let names: ExitNames
  private var all = Tally()
  private var timestamps = Tally()
  private var statusPolls = Tally()
  private var repeatedWrites = Tally()
  private var repeatedReads = Tally()
  private var delays = Tally()
  private var absent = Tally()
  private var halts = Tally()
  private var kicks = Tally()
  private var slowest: ExitSample?
  private var slowestNanoseconds: UInt64 = 0
  /// What the exit before accessed, when nothing came between.
  private var last: PortAccess?
  /// Whether an interrupt came behind the exit that is handed out next.
  private var isInterrupted = false
  private var ports: PortTraitsTable
  private var places: HottestPlace

  /// Looks at nothing yet.
  public init(_ names: ExitNames) {
    self.names = names
    ports = PortTraitsTable(names.ports)
    places = HottestPlace(names)
  }

  /// The columns it needs.
  public var columns: Set<EventColumn> { [.address, .width, .count, .ripDelta, .value] }

  /// Takes batches, and the interrupts in them.
  public var takesBatches: Bool { true }

  /// Counts an exit.
  public mutating func observe(_ exit: borrowing ExitSample) {
    let handling = exit.handlingNanoseconds
    if exit.reason.isa == 0, exit.reason.code >= 32 {
      kicks.add(handling)
      last = nil
      isInterrupted = false
      return
    }
    places.count(exit)
    if count(handling, isHalt: exit.reason.isHalt) { slowest = copy exit }
    takePort(
      exit.space == .port
        ? PortAccess(port: exit.address, isWrite: exit.isWrite, rip: exit.rip) : nil, handling)
  }

  /// Counts a batch of exits.
  public mutating func observe(_ batch: borrowing ExitBatch, of run: borrowing EventRun) {
    var nextInterrupt = 0
    for exit in 0..<batch.count {
      let row = run.exitRows[exit]
      let kind = EventKind(rawValue: UInt8(truncatingIfNeeded: run.kinds[row]))
      let handling = batch.handling[exit]
      while nextInterrupt < batch.interrupts.count, batch.interrupts[nextInterrupt].exit == exit {
        isInterrupted = true
        nextInterrupt += 1
      }
      if kind.rawValue >= 32 {
        kicks.add(handling)
        last = nil
        isInterrupted = false
        continue
      }
      places.count(exit, of: run, handling: handling)
      if count(handling, isHalt: kind == .halt) { slowest = ExitSample(exit, batch, of: run) }
      takePort(
        kind.addressSpace == .port
          ? PortAccess(port: run.addresses[row], isWrite: kind.isWrite, rip: run.rips[exit])
          : nil, handling)
    }
  }

  /// Counts a batch of kernel exits.
  public mutating func observe(_ batch: borrowing ExitBatch, of run: borrowing KernelExitRun) {
    for exit in 0..<batch.count {
      let handling = batch.handling[exit]
      places.count(exit, of: run, handling: handling)
      let reason = ExitReason(
        isa: UInt8(truncatingIfNeeded: run.isas[exit]), code: run.reasons[exit])
      let isHalt = reason.isa != 0 && reason.isHalt
      if count(handling, isHalt: isHalt) { slowest = ExitSample(run, exit, batch: batch) }
      let access = ExitSample.portAccess(of: run, exit)
      takePort(
        access.map { PortAccess(port: $0.port, isWrite: $0.isWrite, rip: run.rips[exit]) },
        handling)
    }
  }

  /// Counts an injected interrupt.
  public mutating func observe(interrupt: borrowing ExitSample) {
    // An exit is handed out behind the interrupts that followed it; writes with one between them
    // cannot be put together.
    isInterrupted = true
  }

  /// Counts a guest-made exit.
  ///
  /// - Returns: whether it is the slowest so far.
  @inline(__always)
  private mutating func count(_ handling: UInt64, isHalt: Bool) -> Bool {
    all.add(handling)
    if isHalt {
      halts.add(handling)
      return false
    }
    guard handling > slowestNanoseconds else { return false }
    slowestNanoseconds = handling
    return true
  }

  @inline(__always)
  private mutating func takePort(_ access: PortAccess?, _ handling: UInt64) {
    let before = last
    last = isInterrupted ? nil : access
    isInterrupted = false
    guard let access else { return }
    let traits = ports.traits(of: access.port, isWrite: access.isWrite)
    if traits.contains(.statusPoll) { statusPolls.add(handling) }
    if traits.contains(.timestamp) {
      timestamps.add(handling)
      return
    }
    if traits.contains(.delay) { delays.add(handling) }
    if traits.contains(.absent) { absent.add(handling) }
    guard let before, before.port == access.port, before.isWrite == access.isWrite else { return }
    if access.isWrite {
      repeatedWrites.add(handling)
    } else if before.rip == access.rip {
      repeatedReads.add(handling)
    }
  }

  /// The findings, those about most exits first; none when nothing stands out.
  public var findings: [Finding] {
    var found = [
      finding("timestamps", timestamps) {
        "\($0) are RDTSC instructions that the recorder rewrote (tsc patch): without recording "
          + "there would be none"
      },
      finding("serial-polls", statusPolls) {
        "\($0) read a serial port's line status: a driver that polls before each character; an "
          + "interrupt-driven or paravirtual console does without"
      },
      finding("repeated-writes", repeatedWrites) {
        "\($0) write the port the exit before wrote, with nothing in between: coalesced port I/O "
          + "(KVM_CAP_COALESCED_PIO) could save them"
      },
      finding("repeated-reads", repeatedReads) {
        "\($0) read the port the exit before read, by the same instruction: the guest waits in a loop"
      },
      finding("delays", delays) {
        "\($0) only pass time (ports 0x80 and 0xed): Linux' io_delay=none does without"
      },
      finding("absent-devices", absent) {
        "\($0) go to ports of no device: drivers that probe for hardware"
      },
      finding("halts", halts) { "\($0) are HLTs: the vCPU was idle" },
      finding("kicks", kicks, of: all.exits &+ kicks.exits) {
        "\($0) were made by the host, to stop a guest that does not exit"
      },
    ].compactMap { $0 }
    found += [hottest(), slowestExit()].compactMap { $0 }
    return found.sorted { ($1.exits, $0.name) < ($0.exits, $1.name) }
  }

  private func finding(
    _ name: String, _ tally: Tally, of whole: UInt64? = nil, _ sentence: (String) -> String
  ) -> Finding? {
    let whole = whole ?? all.exits
    var made = finding(name, tally.exits, tally.handling)
    made.exitsPercent = percent(tally.exits, of: whole)
    let timePercent = percent(tally.handling, of: all.handling)
    guard tally.exits > 0,
      made.exitsPercent >= Self.leastPercent || timePercent >= Self.leastPercent
    else { return nil }
    made.sentence = sentence("\(tally.exits) of \(whole) exits")
    return made
  }

  private func finding(_ name: String, _ exits: UInt64, _ handling: UInt64) -> Finding {
    Finding(
      name: name, exits: exits, exitsPercent: percent(exits, of: all.exits),
      handlingNanoseconds: handling, sentence: "")
  }

  /// One place in the code that makes a tenth of all exits or more.
  private func hottest() -> Finding? {
    guard all.exits >= 100, let place = places.row, place.cell != "-",
      percent(place.samples, of: all.exits) >= 10
    else { return nil }
    var found = finding("hottest-code", place.samples, place.handling)
    found.sentence =
      "\(place.samples) of \(all.exits) exits come from \(place.cell), out of \(places.count) places"
    return found
  }

  /// One exit that took ten times the mean or more.
  private func slowestExit() -> Finding? {
    guard let slowest, all.exits > 1,
      slowest.handlingNanoseconds / 10 >= all.handling / all.exits
    else { return nil }
    var found = finding("slowest-exit", 1, slowest.handlingNanoseconds)
    // Several kernel exits come after one event, so the number of that would not tell which.
    let place =
      slowest.reason.isa == 0
      ? "event \(slowest.index)" : "the kernel's exit at \(slowest.exitTime) ns"
    found.sentence =
      "\(place) (\(names.name(slowest.reason))) took longest to handle, HLT aside"
    return found
  }

  private func percent(_ part: UInt64, of whole: UInt64) -> Double {
    whole > 0 ? 100 * Double(part) / Double(whole) : 0
  }
}
