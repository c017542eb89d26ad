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

    mutating func add(_ exit: borrowing ExitSample) {
      exits &+= 1
      handling = handling.addingSaturated(exit.handlingNanoseconds)
    }
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
  private var last: ExitSample?
  private var byRIP: ExitTabulator

  /// Looks at nothing yet.
  public init(_ names: ExitNames) {
    self.names = names
    byRIP = ExitTabulator(
      .vmexit, by: names.symbols == nil ? [.rip] : [.symbol], names, countsBytes: false)
  }

  /// The columns it needs.
  public var columns: Set<EventColumn> { [.address, .width, .count, .ripDelta, .value] }

  /// Counts an exit.
  public mutating func observe(_ exit: borrowing ExitSample) {
    if exit.reason.isa == 0, exit.reason.code >= 32 {
      kicks.add(exit)
      last = nil
      return
    }
    all.add(exit)
    byRIP.observe(exit)
    if exit.reason.isHalt {
      halts.add(exit)
    } else if exit.handlingNanoseconds > slowest?.handlingNanoseconds ?? 0 {
      slowest = copy exit
    }
    if exit.space == .port { takePort(exit) }
    last = copy exit
  }

  /// Counts an injected interrupt.
  public mutating func observe(interrupt: borrowing ExitSample) {
    // Writes with an interrupt between them cannot be put together.
    last = nil
  }

  private mutating func takePort(_ exit: borrowing ExitSample) {
    let name = PortNames.name(of: exit.address, isWrite: exit.isWrite)
    if !exit.isWrite, let name, name.hasPrefix("COM"), name.hasSuffix(" LSR") {
      statusPolls.add(exit)
    }
    // Another VMM's port of that number is no rewritten RDTSC.
    if name == PortNames.timestampName, names.ports?.number(ofPort: exit.address) != nil {
      timestamps.add(exit)
      return
    }
    if name == "POST" || name == "I/O delay" { delays.add(exit) }
    if let ports = names.ports, ports.number(ofPort: exit.address) == nil { absent.add(exit) }
    guard let last, last.space == .port, last.address == exit.address,
      last.isWrite == exit.isWrite
    else { return }
    if exit.isWrite {
      repeatedWrites.add(exit)
    } else if last.rip == exit.rip {
      repeatedReads.add(exit)
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
    let table = byRIP.table()
    guard all.exits >= 100, let row = table.rows.first, row.cells != ["-"],
      row.samplesPercent >= 10
    else { return nil }
    var found = finding("hottest-code", row.samples, row.handling.totalNanoseconds)
    found.sentence =
      "\(row.samples) of \(all.exits) exits come from \(row.name), out of \(table.rows.count) places"
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
