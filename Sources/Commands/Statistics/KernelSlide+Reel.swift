internal import Analysis
internal import Machine
internal import Trace

extension KernelSlide {
  /// Keyframes looked at: a guest that sets LSTAR once keeps it, but for a reset near the end.
  private static let keyframeLimit = 64

  /// Finds where KASLR put the kernel of a reel, at its last keyframe that tells.
  ///
  /// - Parameter symbols: as they are in their file, without a slide.
  init(in reel: Reel, symbols: SymbolTable) throws(Failure) {
    for block in reel.keyframeBlocks.suffix(Self.keyframeLimit).reversed() {
      // A damaged keyframe tells nothing; the commands report damage where they need the data.
      guard let keyframe = try? reel.keyframe(of: block),
        let entries = EntryPoints(keyframe.vcpuStates), entries.lstar != 0
      else { continue }
      self = try KernelSlide(entries, atKeyframe: keyframe.number, symbols: symbols)
      return
    }
    // Symbols that are no kernel's are the better reason.
    self = try KernelSlide(EntryPoints(lstar: 0), atKeyframe: 0, symbols: symbols)
  }
}

extension KernelSlide.EntryPoints {
  /// The registers of the first vCPU; `nil` where they cannot be read.
  init?(_ states: [StateEntry]) {
    let own = states.filter { $0.vcpu == 0 }.map {
      VCPUStateEntry(kind: $0.kind, version: $0.version, bytes: $0.bytes)
    }
    guard let state = try? VCPUState(entries: own) else { return nil }
    func register(_ index: UInt32) -> UInt64 {
      state.modelSpecific.first { $0.index == index }?.value ?? 0
    }
    self.init(
      lstar: register(0xc000_0082), cstar: register(0xc000_0083), sysenter: register(0x176))
  }
}
