public import Machine

/// The rules of a recording that its replay must follow, from the reel's metadata.
public struct ReplayPolicy: Equatable, Sendable {
  /// Whether interrupt windows open at an exact instruction.
  public var interruptWindowIsExact: Bool
  /// What the guest's RDTSC reads.
  public var tsc: TSCPolicy

  /// Makes a policy.
  public init(interruptWindowIsExact: Bool = false, tsc: TSCPolicy = .none) {
    self.interruptWindowIsExact = interruptWindowIsExact
    self.tsc = tsc
  }
}
