internal import KVM
internal import Machine
internal import Replay
internal import Trace

/// A guest in a virtual machine of its own, before its first instruction.
struct PreparedGuest {
  let image: GuestImage
  let policy: RecordingPolicy
  /// The rewritten RDTSC instructions, under the policy `patch`.
  let timestampSites: Metadata.TimestampSites?
  /// Why the kernel was not rewritten, where the policy was left open.
  let unpatchable: UnpatchableKernel?
  let memory: GuestMemory
  let processor: KVMProcessor

  /// Loads the image and creates the machine.
  ///
  /// - Throws: ``CommandFailure`` or ``ProcessorError``.
  init(
    _ image: GuestImage, policy options: PolicyOptions, on facts: HostFacts,
    isRecording: Bool = true
  ) throws {
    var (image, policy) = (image, try options.policy(for: image.identity, on: facts))
    policy.isRecording = isRecording
    memory = try GuestMemory(mebibytes: image.memoryMiB)
    var unpatchable: UnpatchableKernel?
    do {
      timestampSites = policy.tsc == .patch ? try image.rewriteTimestamps() : nil
    } catch let kernel as UnpatchableKernel {
      guard options.tsc == .auto else { throw kernel.failure }
      unpatchable = kernel
      timestampSites = nil
      policy.tsc = .none
    }
    self.unpatchable = unpatchable
    self.image = image
    self.policy = policy
    let loaded = try image.load(into: memory)
    processor = try KVMProcessor(
      memory: memory, debugFeatures: facts.debugFeatures, logsDirtyPages: isRecording)
    var state = try processor.captureState()
    loaded.apply(to: &state)
    try processor.restoreState(state)
  }
}
