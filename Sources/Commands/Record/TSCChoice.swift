internal import ArgumentParser
internal import KVM
internal import Machine
internal import Trace

/// The values of --tsc.
enum TSCChoice: String, ExpressibleByArgument, CaseIterable {
  case auto
  case freeze
  case patch
  case none

  /// The policy a guest is recorded with on a host.
  ///
  /// `auto` is `freeze` where the host can, else `patch` for a Linux kernel. Built-in guests execute
  /// no RDTSC: theirs is `none`, so that their reels replay on any host.
  ///
  /// - Throws: ``CommandFailure`` when the host or the guest does not allow the policy asked for.
  func policy(for guest: Metadata.Guest, on facts: HostFacts) throws -> TSCPolicy {
    let isLinux = guest.kind == "linux"
    switch self {
    case .none: return .none
    case .auto where guest.kind == "built-in": return .none
    case .auto where facts.freezesTSC: return .freeze
    case .auto: return isLinux && facts.patchObstacle == nil ? .patch : .none
    case .freeze:
      guard let obstacle = facts.freezeObstacle else { return .freeze }
      throw CommandFailure(
        "--tsc freeze cannot be kept: \(obstacle); use --tsc auto, or a host where "
          + "`vmreel doctor` says tsc: freeze")
    case .patch:
      guard isLinux else {
        throw CommandFailure(
          "--tsc patch rewrites a Linux kernel, and \(guest.name) is none; use --tsc freeze or none"
        )
      }
      guard let obstacle = facts.patchObstacle else { return .patch }
      throw CommandFailure("--tsc patch cannot be kept: \(obstacle); use --tsc freeze or none")
    }
  }
}

extension HostFacts {
  /// Why a reel with a TSC policy cannot be replayed here; `nil` when it can.
  func obstacle(to policy: TSCPolicy) -> String? {
    switch policy {
    case .none: nil
    case .freeze: freezeObstacle
    case .patch: patchObstacle
    }
  }
}
