public import Machine

/// The rules of a recording that its replay must follow, from the reel's metadata, and what of it
/// this host can compare.
public struct ReplayPolicy: Equatable, Sendable {
  /// Whether interrupt windows open at an exact instruction.
  public var interruptWindowIsExact: Bool
  /// What the guest's RDTSC reads.
  public var tsc: TSCPolicy

  /// Whether this host is of the recording one's kind.
  ///
  /// Where it is not, RIP at an OUT is brought to a normal form, and arithmetic flags are not
  /// compared.
  public var hostIsOfRecordedKind: Bool

  /// Makes a policy.
  public init(
    interruptWindowIsExact: Bool = false, tsc: TSCPolicy = .none,
    hostIsOfRecordedKind: Bool = true
  ) {
    self.interruptWindowIsExact = interruptWindowIsExact
    self.tsc = tsc
    self.hostIsOfRecordedKind = hostIsOfRecordedKind
  }
}
