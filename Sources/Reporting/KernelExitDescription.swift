public import Analysis
public import Trace

/// One kernel exit as text, for `dump --kernel-exits`.
public struct KernelExitDescription {
  private let exit: KernelExitRecord
  private let name: String
  private let times: Bool

  /// Describes a kernel exit.
  ///
  /// - Parameter times: whether to show host times, in nanoseconds since the start.
  public init(_ exit: KernelExitRecord, names: KernelExitName, times: Bool = false) {
    self.exit = exit
    name = names.name(isa: exit.isa, reason: exit.reason)
    self.times = times
  }

  /// One line under the events' columns: `+ npf  write not present gpa=0x1000 rip=…`.
  public var line: String {
    let width = 14
    var parts = ["       +", name + String(repeating: " ", count: max(0, width - name.count))]
    let detail = exit.detail
    if !detail.isEmpty { parts.append(detail) }
    if let access = accessText { parts.append(access) }
    if let place { parts.append("gpa=" + place) }
    parts.append("rip=" + NumberText.hex(exit.rip))
    if detail.isEmpty, exit.info1 != 0 { parts.append("info1=" + NumberText.hex(exit.info1)) }
    if exit.interruptInformation >> 31 & 1 != 0 {
      parts.append("intr=" + NumberText.hex(exit.interruptInformation))
    }
    if exit.vcpu != 0 { parts.append("vcpu=\(exit.vcpu)") }
    if let outcome { parts.append(outcome) }
    if times { parts.append("entry=\(exit.entryTime)ns exit=\(exit.exitTime)ns") }
    return EscapedText.terminal(parts.joined(separator: " "))
  }

  /// The exit as one JSON object on one line, 64-bit values as hex.
  public var jsonLine: String {
    func quoted(_ value: UInt64) -> String { "\"" + NumberText.hex(value) + "\"" }
    var fields = [
      "\"after\":\(exit.anchor)", "\"kernelExit\":" + EscapedText.json(name),
      "\"isa\":\"\(KernelExitName.isa(exit.isa))\"", "\"code\":" + quoted(exit.reason),
      "\"rip\":" + quoted(exit.rip), "\"info1\":" + quoted(exit.info1),
      "\"info2\":" + quoted(exit.info2),
      "\"interruptInformation\":" + quoted(exit.interruptInformation),
      "\"errorCode\":" + quoted(exit.errorCode),
    ]
    if exit.vcpu != 0 { fields.append("\"vcpu\":\(exit.vcpu)") }
    if !exit.detail.isEmpty { fields.append("\"detail\":" + EscapedText.json(exit.detail)) }
    if exit.flags.contains(.address) { fields.append("\"address\":" + quoted(exit.address)) }
    if exit.access != .none {
      fields.append("\"access\":\"\(exit.access.name)\"")
      fields.append("\"isWrite\":\(exit.access.isWrite)")
      fields.append("\"width\":\(exit.width),\"count\":\(exit.count)")
      fields.append("\"value\":" + quoted(exit.value))
    }
    fields.append("\"outcome\":\"\(outcome ?? "in kernel")\"")
    if times {
      fields.append("\"entryNanoseconds\":\(exit.entryTime)")
      fields.append("\"exitNanoseconds\":\(exit.exitTime)")
    }
    return "{" + fields.joined(separator: ",") + "}"
  }

  /// `write msr 0x277:8 value=0x7010600070406`, with `x16` behind the width of sixteen elements.
  ///
  /// Of a port the qualification may have said the most.
  private var accessText: String? {
    guard exit.access != .none else { return nil }
    if exit.access.kind == .port, !exit.detail.isEmpty {
      return (exit.count > 1 ? "x\(exit.count) " : "") + "value=" + NumberText.hex(exit.value)
    }
    return (exit.access.isWrite ? "write " : "read ") + exit.access.name + " "
      + NumberText.hex(exit.address) + ":\(exit.width)" + (exit.count > 1 ? "x\(exit.count)" : "")
      + " value=" + NumberText.hex(exit.value)
  }

  private var place: String? {
    // An access to memory has said it.
    guard exit.access.kind != .memory else { return nil }
    guard let address = exit.guestPhysicalAddress else {
      return exit.isNestedPagingFault ? "unknown" : nil
    }
    return NumberText.hex(address)
  }

  /// What became of it, when the kernel did not just go on.
  private var outcome: String? {
    if exit.flags.contains(.returned) { return "to runner" }
    if exit.flags.contains(.interrupted) { return "kicked" }
    return exit.flags.contains(.outcomeUnknown) ? "outcome unknown" : nil
  }
}
