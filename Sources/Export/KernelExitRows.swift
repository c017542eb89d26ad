public import Analysis
public import Trace

/// The table of kernel exits as CSV or JSON Lines.
///
/// A row is written when its vCPU is entered again: `kernel_exit` numbers them in the reel's order.
public struct KernelExitRows: ExportTarget {
  /// The columns, in order; USER-GUIDE says what they hold.
  public static let columns = [
    "kernel_exit", "after_event", "vcpu", "isa", "code", "reason", "outcome", "rip", "address",
    "info1", "info2", "interrupt_info", "error_code", "entry_ns", "exit_ns", "guest_ns",
    "kernel_ns",
  ]

  /// Only kernel exits.
  public let needs = ExportNeeds.kernelExits
  private let format: RowFormat
  private let hasTimes: Bool
  private var table: KernelReasonTable
  private var reasons: [(isa: [UInt8], name: [UInt8])] = []
  private var pairing: ExitPairing<KernelExitRecord>
  private var count: UInt64 = 0
  private var rows: RowWriter

  /// Begins the table.
  public init(
    _ format: RowFormat, facts: ExportFacts, names: KernelExitName, to output: ByteOutput
  ) {
    self.format = format
    hasTimes = facts.hasTimes
    table = KernelReasonTable(names)
    pairing = ExitPairing(hasTimes: facts.hasTimes)
    rows = RowWriter(
      format, table: "kernel-exits", columns: Self.columns, facts: facts, to: output)
  }

  /// Takes an event.
  public mutating func receive(
    _ event: Event, at index: EventIndex, payload: ArraySlice<UInt8>
  ) throws {}

  /// Takes a kernel exit.
  public mutating func receive(_ exit: KernelExitRecord) throws {
    if let exit = pairing.add(exit, number: count) { try add(exit) }
    count += 1
  }

  private mutating func add(_ timed: TimedExit<KernelExitRecord>) throws {
    let exit = timed.exit
    let number = table.number(of: exit)
    if number == reasons.count {
      let reason = table.reasons[number]
      reasons.append(
        (
          RowWriter.encoded(KernelExitName.isa(reason.isa), format),
          RowWriter.encoded(reason.name, format)
        ))
    }
    let knowsEntry = hasTimes && exit.hasEntryTime
    rows.add(decimal: timed.number)
    rows.add(decimal: exit.anchor)
    rows.add(decimal: UInt64(exit.vcpu))
    rows.add(encoded: reasons[number].isa)
    rows.add(hex: exit.reason)
    rows.add(encoded: reasons[number].name)
    rows.add(encoded: RowWriter.encoded(exit.outcomeName, format))
    rows.add(hex: exit.rip)
    rows.add(hex: exit.flags.contains(.address) ? exit.address : nil)
    rows.add(hex: exit.info1)
    rows.add(hex: exit.info2)
    rows.add(hex: exit.interruptInformation)
    rows.add(hex: exit.errorCode)
    rows.add(decimal: knowsEntry ? exit.entryTime : nil)
    rows.add(decimal: hasTimes ? exit.exitTime : nil)
    rows.add(decimal: timed.guestNanoseconds)
    rows.add(decimal: timed.handlingNanoseconds)
    try rows.endRow()
  }

  /// Ends a kernel exit with one behind the range.
  public mutating func complete(with exit: KernelExitRecord) throws -> Bool {
    let (exit, isWaiting) = pairing.complete(with: exit)
    if let exit { try add(exit) }
    return isWaiting
  }

  /// The next entries of the kernel exits that wait were lost.
  public mutating func noteGap() throws {
    for exit in pairing.removeAll() { try add(exit) }
  }

  /// Ends the export.
  public mutating func finish() throws {
    try noteGap()
    try rows.finish()
  }
}
