public import Trace

extension SyntheticReel.Configuration {
  /// What the reel says about itself: made up like its guest, and named so.
  ///
  /// - Parameter tool: the program that makes it: `vmreel 0.1.0`.
  public func metadata(tool: String) -> Metadata {
    var metadata = Metadata(
      tool: tool, commandLine: ["synthetic"],
      guest: Metadata.Guest(
        kind: "synthetic", name: "seed-\(seed)", sha256: String(repeating: "0", count: 64),
        loadAddress: nil, append: nil, modules: []),
      memoryMiB: Int(pageCount / 256),
      board: Metadata.BoardDescription(name: "isa-v1", realTimeClockEpochSeconds: 946_684_800),
      cpu: Metadata.CPU(
        model: "vmreel-v1", cpuid: "enforced",
        cpuidTable: [[0, 0, 0, 1, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]]),
      host: Metadata.Host(
        cpu: "synthetic", kernel: "none", kvmModule: "none",
        ripConventions: ["in": "at", "out": "at"]),
      policies: Metadata.Policies(
        placement: "seal", clock: "warp", interruptWindow: "late",
        tsc: freezesTimestamp ? "freeze" : "patch", quantumNanoseconds: 5_000_000,
        exitCostNanoseconds: 5000, check: "bits16"))
    if instructionSet != 0 {
      metadata.kernelExits = Metadata.KernelExitNames(isas: [instructionSet])
    }
    return metadata
  }
}
