internal import Trace

/// The keyframes of a reel by kind, and the guest's clock at the last one.
struct KeyframeCensus {
  var byKind: [String: UInt64] = [:]
  var unreadable: UInt64 = 0
  var lastVirtualTime: UInt64 = 0
  /// Whether any of them holds a vCPU's state.
  var hasRegisters = false

  /// Decodes every keyframe block; a damaged one is counted as unreadable.
  init(_ reel: Reel) {
    for block in reel.blocks where block.header.type == .keyframe {
      guard let keyframe = try? reel.keyframe(of: block) else {
        unreadable += 1
        continue
      }
      byKind[keyframe.kind.name, default: 0] += 1
      if !keyframe.vcpuStates.isEmpty { hasRegisters = true }
      lastVirtualTime = max(lastVirtualTime, keyframe.virtualTime)
    }
  }

  /// Segments that a seal ends.
  var sealedSegments: UInt64 { byKind[KeyframeKind.seal.name] ?? 0 }
}
