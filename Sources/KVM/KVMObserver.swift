internal import CKVM
public import Machine

/// KVM's own counters of a vCPU and, when asked for, every exit its kernel traced.
public final class KVMObserver: HostObserver {
  private let statistics: StatisticsFile?
  private let tracer: KernelExitTracer?

  /// Begins to observe; call it on the thread that will run the vCPU, before its first run.
  ///
  /// - Parameters:
  ///   - processor: the vCPU.
  ///   - tracesExits: whether to trace kernel exits, which needs tracefs and perf events.
  /// - Throws: ``ProcessorError`` with the mend when exits cannot be traced.
  public init(of processor: KVMProcessor, tracesExits: Bool) throws(ProcessorError) {
    statistics = try? processor.statisticsFile()
    tracer = tracesExits ? try KernelExitTracer() : nil
  }

  /// Hands out the kernel exits since the last call; none when they are not traced.
  public func takeKernelExits(_ body: (UnsafeBufferPointer<KernelExit>) -> Void) {
    unsafe tracer?.take(body)
  }

  /// KVM's counters as `kvm.NAME`, then those of the tracer.
  public func counters() -> [HostCounter] {
    let own = (try? statistics?.values()) ?? []
    return own.map { HostCounter(name: "kvm." + $0.name, value: $0.value) }
      + (tracer?.counters ?? [])
  }
}
