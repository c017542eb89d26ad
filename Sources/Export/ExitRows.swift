public import Trace

/// The table of exits, with their durations, as CSV or JSON Lines.
///
/// An exit's row is written when its vCPU is entered again: rows of several vCPUs are not in the
/// order of their events.
public struct ExitRows: ExportTarget {
  /// The columns, in order; USER-GUIDE says what they hold.
  public static let columns = [
    "event", "reason", "made_by", "vcpu", "place", "label", "address", "width", "rip", "entry_ns",
    "exit_ns", "guest_ns", "handling_ns",
  ]

  /// Only events.
  public let needs = ExportNeeds.events
  private let hasTimes: Bool
  private let guestMade: [UInt8]
  private let hostMade: [UInt8]
  private var kinds: [[UInt8]]
  private var names: PlaceNames
  private var pairing: ExitPairing<Event>
  private var rows: RowWriter

  /// Begins the table.
  public init(_ format: RowFormat, facts: ExportFacts, to output: ByteOutput) {
    hasTimes = facts.hasTimes
    guestMade = RowWriter.encoded("guest", format)
    hostMade = RowWriter.encoded("host", format)
    kinds = (0...255).map {
      RowWriter.encoded(EventKind(rawValue: UInt8($0)).name, format)
    }
    names = PlaceNames(format)
    pairing = ExitPairing(hasTimes: facts.hasTimes)
    rows = RowWriter(format, table: "exits", columns: Self.columns, facts: facts, to: output)
  }

  /// Takes an event.
  public mutating func receive(
    _ event: Event, at index: EventIndex, payload: ArraySlice<UInt8>
  ) throws {
    guard event.kind.isExit else { return }
    if let exit = pairing.add(event, number: index) { try add(exit) }
  }

  private mutating func add(_ timed: TimedExit<Event>) throws {
    let event = timed.exit
    rows.add(decimal: timed.number)
    rows.add(encoded: kinds[Int(event.kind.rawValue)])
    rows.add(encoded: event.kind.isHostMade ? hostMade : guestMade)
    rows.add(decimal: UInt64(event.vcpu))
    rows.add(encoded: names.name(of: event))
    rows.add(encoded: names.label(of: event))
    rows.add(hex: event.hasAddress ? event.address : nil)
    rows.add(decimal: event.width == 0 ? nil : UInt64(event.width))
    rows.add(hex: event.rip)
    rows.add(decimal: hasTimes ? event.entryTime : nil)
    rows.add(decimal: hasTimes ? event.exitTime : nil)
    rows.add(decimal: timed.guestNanoseconds)
    rows.add(decimal: timed.handlingNanoseconds)
    try rows.endRow()
  }

  /// Takes a kernel exit.
  public mutating func receive(_ exit: KernelExitRecord) throws {}

  /// Ends the handling of an exit with an event behind the range.
  public mutating func complete(with event: Event) throws -> Bool {
    let (exit, isWaiting) = pairing.complete(with: event)
    if let exit { try add(exit) }
    return isWaiting
  }

  /// The next entries of the exits that wait were lost.
  public mutating func noteGap() throws {
    for exit in pairing.removeAll() { try add(exit) }
  }

  /// Ends the export.
  public mutating func finish() throws {
    try noteGap()
    try rows.finish()
  }
}
