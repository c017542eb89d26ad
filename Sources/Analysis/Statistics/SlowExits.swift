public import Trace

/// The exits that took longer than a threshold: all are counted, the slowest are kept.
public struct SlowExits: ExitObserver {
  /// One of them.
  public struct Exit: Codable, Equatable, Sendable {
    /// The event.
    public var index: EventIndex
    /// The kind or the hardware's reason.
    public var reason: String
    /// Port, address or MSR with its direction; `-` without.
    public var place: String
    /// The vCPU.
    public var vcpu: UInt16
    /// RIP.
    public var rip: HexWord
    /// The symbol RIP lies in, when symbols are known.
    public var symbol: String?
    /// Host nanoseconds since the recording began.
    public var exitNanoseconds: UInt64
    /// From the exit to the next entry.
    public var handlingNanoseconds: UInt64
    /// From the entry to the exit.
    public var guestNanoseconds: UInt64
  }

  /// In nanoseconds.
  public let threshold: UInt64
  /// How many were slower.
  public private(set) var count: UInt64 = 0
  /// Their time.
  public private(set) var totalNanoseconds: UInt64 = 0
  private let filter: ExitFilter
  private let isGuestTime: Bool
  private let limit: Int
  private let names: ExitNames
  private var kept: [ExitSample] = []

  /// Looks for exits.
  ///
  /// - Parameters:
  ///   - threshold: nanoseconds.
  ///   - isGuestTime: whether the time in the guest counts instead of that of handling.
  ///   - limit: how many to keep.
  public init(
    slowerThan threshold: UInt64, isGuestTime: Bool = false, _ filter: ExitFilter? = nil,
    limit: Int = 1000, _ names: ExitNames
  ) {
    self.threshold = threshold
    self.isGuestTime = isGuestTime
    self.filter = filter ?? .vmexit
    self.limit = max(1, limit)
    self.names = names
  }

  /// The columns it needs.
  public var columns: Set<EventColumn> { [.address, .width, .count, .ripDelta, .waited] }

  /// Counts an exit.
  public mutating func observe(_ exit: borrowing ExitSample) {
    if filter.holds(exit) { take(exit) }
  }

  /// Counts an injected interrupt.
  public mutating func observe(interrupt: borrowing ExitSample) {
    if filter == .irq { take(interrupt) }
  }

  private mutating func take(_ exit: borrowing ExitSample) {
    guard exit.traits.contains(isGuestTime ? .guestTime : .handlingTime) else { return }
    let time = time(of: exit)
    guard time > threshold else { return }
    count &+= 1
    totalNanoseconds = totalNanoseconds.addingSaturated(time)
    kept.append(copy exit)
    if kept.count >= 2 * limit + 1024 { trim() }
  }

  private func time(of exit: borrowing ExitSample) -> UInt64 {
    isGuestTime ? exit.guestNanoseconds : exit.handlingNanoseconds
  }

  private mutating func trim() {
    let isGuestTime = isGuestTime
    kept.sort { left, right in
      let first = isGuestTime ? left.guestNanoseconds : left.handlingNanoseconds
      let second = isGuestTime ? right.guestNanoseconds : right.handlingNanoseconds
      return first == second ? left.index < right.index : first > second
    }
    kept.removeSubrange(min(limit, kept.count)...)
  }

  /// The slowest, in the order of the events.
  public var exits: [Exit] {
    var copy = self
    copy.trim()
    let reasons = ExitKeyMaker([.reason], names)
    return copy.kept.sorted { $0.index < $1.index }.map { exit in
      Exit(
        index: exit.index, reason: reasons.key(of: exit)?.cells([.reason], names)[0] ?? "-",
        place: place(of: exit), vcpu: exit.vcpu, rip: HexWord(exit.rip),
        symbol: names.symbols?.symbol(at: exit.rip).flatMap { names.symbols?.name($0.index) },
        exitNanoseconds: exit.exitTime, handlingNanoseconds: exit.handlingNanoseconds,
        guestNanoseconds: exit.traits.contains(.guestTime) ? exit.guestNanoseconds : 0)
    }
  }

  private func place(of exit: ExitSample) -> String {
    for dimension: ExitDimension in [.port, .gpa, .msr, .vector, .cause] {
      if let key = ExitKeyMaker([dimension], names).key(of: exit) {
        return key.cells([dimension], names)[0]
      }
    }
    return "-"
  }
}
