public import Trace

extension KernelExitRecord {
  /// The exit qualification in words, for the reasons that have one; empty for others.
  ///
  /// After the SDM volume 3C, "Exit qualification" (VMX), and the APM volume 2, chapter 15 (SVM).
  public var detail: String {
    switch isa {
    case 1: vmxDetail
    case 2: svmDetail
    default: ""
    }
  }

  private var vmxDetail: String {
    switch reason & 0xffff {
    case 0, 1: interruption
    case 9:
      ["call", "iret", "jmp", "task gate"][Int(info1 >> 30 & 3)]
        + " selector " + HexWord(info1 & 0xffff).description
    case 14: "linear address " + HexWord(info1).description
    case 28: controlRegisterAccess
    case 29:
      "dr\(info1 & 7) " + (info1 >> 4 & 1 == 0 ? "write from " : "read to ") + register(info1 >> 8)
    case 30:
      portAccess(
        isInput: info1 >> 3 & 1 != 0, size: (info1 & 7) + 1, isString: info1 >> 4 & 1 != 0,
        isRepeated: info1 >> 5 & 1 != 0, port: info1 >> 16 & 0xffff)
    case 44: "offset " + HexWord(info1 & 0xfff).description
    case 48: extendedPageTableViolation
    default: ""
    }
  }

  /// Vector and kind of an interruption (SDM, "VM-exit interruption information").
  private var interruption: String {
    guard interruptInformation >> 31 & 1 != 0 else { return "" }
    let kinds = [
      "interrupt", "type 1", "nmi", "exception", "type 4", "icebp", "software exception", "type 7",
    ]
    let error =
      interruptInformation >> 11 & 1 != 0 ? " error " + HexWord(errorCode).description : ""
    return kinds[Int(interruptInformation >> 8 & 7)]
      + " vector " + HexWord(interruptInformation & 0xff).description + error
  }

  private var controlRegisterAccess: String {
    let number = "cr\(info1 & 0xf)"
    return switch info1 >> 4 & 3 {
    case 0: number + " write from " + register(info1 >> 8)
    case 1: number + " read to " + register(info1 >> 8)
    case 2: "cr0 clts"
    default: "cr0 lmsw " + HexWord(info1 >> 16 & 0xffff).description
    }
  }

  private var extendedPageTableViolation: String {
    var words = names(info1, [(0, "read"), (1, "write"), (2, "fetch")])
    let allowed = names(info1, [(3, "r"), (4, "w"), (5, "x")]).joined()
    words.append("allowed " + (allowed.isEmpty ? "none" : allowed))
    // Bit 8 means something only where a linear address is known at all (bit 7).
    if info1 >> 7 & 1 != 0, info1 >> 8 & 1 == 0 { words.append("page walk") }
    return words.joined(separator: " ")
  }

  private var svmDetail: String {
    switch reason {
    case 0x00...0x0f: "cr\(reason) read" + assisted(" to ")
    case 0x10...0x1f: "cr\(reason - 0x10) write" + assisted(" from ")
    case 0x4e: "address " + HexWord(info2).description + " error " + HexWord(info1).description
    case 0x40...0x5f: info1 == 0 ? "" : "error " + HexWord(info1).description
    case 0x7b:
      portAccess(
        isInput: info1 & 1 != 0, size: info1 >> 4 & 7, isString: info1 >> 2 & 1 != 0,
        isRepeated: info1 >> 3 & 1 != 0, port: info1 >> 16 & 0xffff)
    case 0x7c: info1 & 1 == 0 ? "read" : "write"
    case 0x400: nestedPageFault
    default: ""
    }
  }

  /// The register of a control-register access, on CPUs with decode assists (bit 63).
  private func assisted(_ word: String) -> String {
    info1 >> 63 != 0 ? word + register(info1) : ""
  }

  private var nestedPageFault: String {
    let access = info1 >> 4 & 1 != 0 ? "fetch" : info1 >> 1 & 1 != 0 ? "write" : "read"
    var words = [access, info1 & 1 != 0 ? "present" : "not present"]
    // Bit 2 says nothing: the APM has the nested tables walked as by a user, always.
    words += names(info1, [(3, "reserved bit"), (6, "shadow stack")])
    words += names(info1, [(33, "page walk")])
    return words.joined(separator: " ")
  }

  private func portAccess(
    isInput: Bool, size: UInt64, isString: Bool, isRepeated: Bool, port: UInt64
  ) -> String {
    let name = PortNames.name(of: port, isWrite: !isInput).map { " " + $0 } ?? ""
    return (isInput ? "in " : "out ") + HexWord(port).description + ":\(size)" + name
      + (isString ? " string" : "") + (isRepeated ? " rep" : "")
  }

  private func names(_ value: UInt64, _ bits: [(bit: UInt64, name: String)]) -> [String] {
    bits.filter { value >> $0.bit & 1 != 0 }.map(\.name)
  }

  /// A general register by its number in an instruction.
  private func register(_ number: UInt64) -> String {
    let names = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"]
    let number = Int(number & 0xf)
    return number < names.count ? names[number] : "r\(number)"
  }
}
