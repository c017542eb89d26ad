import Foundation
import Machine
import Testing

@testable import KVM

/// Why there is no KVM to test against, or `nil` when there is one.
let kvmUnavailable: String? = {
  do throws(ProcessorError) {
    _ = try ProbeGuest()
    return nil
  } catch {
    return "no usable KVM: \(error.operation), errno \(error.errorNumber)"
  }
}()

extension Trait where Self == ConditionTrait {
  /// Skips, with the reason, where there is no KVM.
  static var needsKVM: Self {
    .enabled(if: kvmUnavailable == nil, Comment(rawValue: kvmUnavailable ?? "KVM is usable"))
  }

  /// Skips where KVM never reports hardware breakpoints, as with QEMU's model of SVM.
  static var needsBreakpoints: Self {
    .enabled(if: debugFeatures.contains(.breakpoint), "this KVM reports no hardware breakpoints")
  }

  /// Skips where KVM does not single-step.
  static var needsSingleStep: Self {
    .enabled(if: debugFeatures.contains(.singleStep), "this KVM does not single-step")
  }
}

/// The emulated machine the tests run in, as `tools/lane` names it; `nil` elsewhere.
let lane = ProcessInfo.processInfo.environment["VMREEL_LANE"]

/// What debugging this host's KVM has; nothing without KVM.
private let debugFeatures: DebugFeatures = (try? HostProbe.facts().debugFeatures) ?? []

/// Ten seconds: more than any test guest's slice takes, also where the machine has other work.
let patience: UInt64 = 10_000_000_000

/// How late a slice's limit may end it: the machine may have other work, but must come back.
let tardiness: UInt64 = 10_000_000_000

extension ProbeGuest {
  /// A guest with its code loaded.
  static func running(_ code: [UInt8]) throws -> ProbeGuest {
    let guest = try ProbeGuest()
    try guest.load(code)
    return guest
  }

  /// The next exit's reason, waiting for at most ``patience``.
  func run() throws -> ExitReason {
    try processor.run(sliceLimitNanoseconds: patience).reason
  }
}

/// Everything that runs guests: one after the other, since the tests measure times.
@Suite(.serialized) enum HostTests {}
