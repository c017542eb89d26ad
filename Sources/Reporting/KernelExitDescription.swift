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
    fields.append("\"outcome\":\"\(outcome ?? "in kernel")\"")
    if times {
      fields.append("\"entryNanoseconds\":\(exit.entryTime)")
      fields.append("\"exitNanoseconds\":\(exit.exitTime)")
    }
    return "{" + fields.joined(separator: ",") + "}"
  }

  private var place: String? {
    guard exit.flags.contains(.address) else { return exit.isNestedPagingFault ? "unknown" : nil }
    return NumberText.hex(exit.address)
  }

  /// What became of it, when the kernel did not just go on.
  private var outcome: String? {
    if exit.flags.contains(.returned) { return "to runner" }
    if exit.flags.contains(.interrupted) { return "kicked" }
    return exit.flags.contains(.outcomeUnknown) ? "outcome unknown" : nil
  }
}
