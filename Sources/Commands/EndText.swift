internal import KVM
internal import Machine
internal import Trace

/// The end of a recording in words.
enum EndText {
  /// KVM_INTERNAL_ERROR_EMULATION in linux/kvm.h.
  private static let emulationError: UInt32 = 1

  /// - Parameter fatalExit: the exit after which the processor could not go on, if one ended it.
  static func describe(
    _ end: EndRecord, fatalExit: (reason: ExitReason, rip: UInt64)? = nil
  ) -> String {
    switch end.reason {
    case .debugExit: return "debug exit with status \(end.detail)"
    case .signal: return "signal \(end.detail)"
    case .processorFailure:
      guard let fatalExit else { return "processor failure \(end.detail)" }
      return "processor failure: \(describe(fatalExit.reason)), "
        + "at RIP 0x\(String(fatalExit.rip, radix: 16))"
    default: return end.reason.name
    }
  }

  private static func describe(_ fatal: ExitReason) -> String {
    switch fatal {
    case .internalError(emulationError):
      "\(VirtualCPUExit.internalError.name), KVM cannot emulate an instruction"
    case .internalError(let suberror):
      "\(VirtualCPUExit.internalError.name), suberror \(suberror)"
    case .entryFailure(let hardwareReason):
      "\(VirtualCPUExit.failEntry.name), hardware reason 0x\(String(hardwareReason, radix: 16))"
    case .unsupported(let code): VirtualCPUExit(code: code).name
    default: "\(fatal)"
    }
  }
}
