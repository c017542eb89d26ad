public import Trace

/// What a reel knows of the exits its kernel saw, and how it knows it.
public struct KernelExitSource: Codable, Equatable, Sendable {
  /// Where the knowledge comes from.
  public enum Kind: String, Codable, Sendable {
    /// Each exit, from KVM's tracepoints.
    case tracepoint
    /// Totals from KVM's statistics file; the tracepoints were asked for and never fired.
    case silentTracepoint = "tracepoint-silent"
    /// Totals from KVM's statistics file; the tracepoints were not asked for.
    case totals = "statistics-fd"
    /// Nothing.
    case none
  }

  /// Where the knowledge comes from.
  public var kind = Kind.none
  /// Kernel exits in the reel.
  public var recorded: UInt64 = 0
  /// Kernel exits that the tracepoint had and the reel has not.
  public var lost: UInt64 = 0
  /// Faults of nested paging whose guest physical address is not known.
  public var addressUnknown: UInt64 = 0
  /// Exits as KVM's statistics file counts them, while the guest was recorded.
  public var statisticsExits: UInt64?
  /// KVM_RUN calls that returned an exit, as KVM's own tracepoint counts them.
  public var runsReturned: UInt64?
  /// KVM_RUN calls that a signal or a completion ended, counted likewise.
  public var runsInterrupted: UInt64?
  /// Counters that changed during the recording, by name.
  public var counters: [CounterChange] = []

  /// A counter of the host at the start and when it was last read.
  public struct CounterChange: Codable, Equatable, Sendable {
    /// `kvm.exits`.
    public var name: String
    /// Before the guest first ran.
    public var start: UInt64
    /// When it was last read.
    public var last: UInt64
    /// How much it grew; 0 when it fell.
    public var change: UInt64 { last &- min(start, last) }
  }

  /// Nothing known.
  init() {}

  /// Reads a reel's host totals; damaged ones are left out.
  public init(_ reel: Reel) {
    recorded = reel.kernelExitBlocks.reduce(0) { $0 &+ UInt64($1.header.eventCount) }
    var first: HostTotals?
    var last: HostTotals?
    for block in reel.blocks where block.header.type == .hostTotals {
      guard let totals = try? reel.hostTotals(of: block) else { continue }
      first = first ?? totals
      last = totals
    }
    if recorded > 0 { kind = .tracepoint }
    guard let first, let last else { return }
    // A trimmed reel's first totals may not be the recording's.
    func growth(_ name: String) -> UInt64? {
      last[name].map { $0 &- min(first[name] ?? 0, $0) }
    }
    lost = growth("tracer.lost") ?? 0
    addressUnknown = growth("tracer.address-unknown") ?? 0
    runsReturned = growth("tracer.runs-returned")
    runsInterrupted = growth("tracer.runs-interrupted")
    for counter in last.counters {
      let change = CounterChange(
        name: counter.name, start: first[counter.name] ?? 0, last: counter.value)
      if change.last != change.start { counters.append(change) }
      if counter.name == "kvm.exits" { statisticsExits = change.change }
    }
    guard recorded == 0 else { return }
    kind = last["tracer.recorded"] == nil ? .totals : .silentTracepoint
  }

  /// One line that says which of them it is.
  public var sentence: String {
    let total = statisticsExits.map(String.init) ?? "an unknown number of"
    return switch kind {
    case .tracepoint:
      "tracepoint, \(recorded) recorded, \(lost) lost"
        + (addressUnknown == 0 ? "" : ", \(addressUnknown) with address unknown")
    case .silentTracepoint:
      "statistics fd totals only, \(total) exits; the kvm_exit tracepoint never fired on this KVM"
    case .totals: "statistics fd totals only, \(total) exits"
    case .none: "not recorded"
    }
  }
}
