public import Machine
public import Trace

extension VCPUState {
  /// The state as the trace stores it, for vCPU 0.
  var stateEntries: [StateEntry] {
    entries.map { StateEntry(kind: $0.kind, version: $0.version, bytes: $0.bytes) }
  }

  /// The state of vCPU 0 out of a keyframe's entries; `nil` when it has none.
  ///
  /// - Throws: an error that says which entry cannot be read.
  public init?(stateEntries: [StateEntry]) throws {
    let own = stateEntries.filter { $0.vcpu == 0 }
    guard !own.isEmpty else { return nil }
    try self.init(
      entries: own.map {
        VCPUStateEntry(kind: $0.kind, version: $0.version, bytes: $0.bytes)
      })
  }
}
