internal import Machine
internal import Trace

extension VCPUState {
  /// The state as the trace stores it, for vCPU 0.
  var stateEntries: [StateEntry] {
    entries.map { StateEntry(kind: $0.kind, version: $0.version, bytes: $0.bytes) }
  }

  /// The state of vCPU 0 out of a keyframe's entries.
  init(stateEntries: [StateEntry]) throws {
    try self.init(
      entries: stateEntries.filter { $0.vcpu == 0 }.map {
        VCPUStateEntry(kind: $0.kind, version: $0.version, bytes: $0.bytes)
      })
  }
}
