internal import CKVM
public import Machine

extension KVMProcessor {
  /// Runs the guest through port writes and does nothing about them: the reference of
  /// `vmreel bench exits`.
  ///
  /// - Parameter count: exits to go through.
  /// - Returns: host nanoseconds from the first entry to the last exit.
  /// - Throws: ``ProcessorError`` when KVM_RUN fails.
  public func runBare(exits count: Int) throws(ProcessorError) -> UInt64 {
    let start = ckvm_now()
    var left = count
    while left > 0 {
      if try cpu.enter() { left -= 1 }
    }
    return ckvm_now() - start
  }
}
