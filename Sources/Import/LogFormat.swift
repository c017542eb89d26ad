/// Which program printed a log of KVM's tracepoints.
public enum LogFormat: String, Codable, Sendable, CaseIterable {
  /// `perf script`: `comm tid [cpu] time: kvm:kvm_exit: …`
  case perfScript = "perf-script"
  /// `trace-cmd report`: `comm-tid [cpu] time: kvm_exit: …`
  case traceCmdReport = "trace-cmd-report"
  /// tracefs's own `trace` file: as trace-cmd's, with flags before the time.
  case ftrace
}
