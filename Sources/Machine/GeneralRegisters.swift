/// The sixteen general registers, RIP and RFLAGS, in the order of KVM's `struct kvm_regs`.
public struct GeneralRegisters: Equatable, Sendable {
  /// RAX.
  public var rax: UInt64 = 0
  /// RBX.
  public var rbx: UInt64 = 0
  /// RCX.
  public var rcx: UInt64 = 0
  /// RDX.
  public var rdx: UInt64 = 0
  /// RSI.
  public var rsi: UInt64 = 0
  /// RDI.
  public var rdi: UInt64 = 0
  /// RSP.
  public var rsp: UInt64 = 0
  /// RBP.
  public var rbp: UInt64 = 0
  /// R8.
  public var r8: UInt64 = 0
  /// R9.
  public var r9: UInt64 = 0
  /// R10.
  public var r10: UInt64 = 0
  /// R11.
  public var r11: UInt64 = 0
  /// R12.
  public var r12: UInt64 = 0
  /// R13.
  public var r13: UInt64 = 0
  /// R14.
  public var r14: UInt64 = 0
  /// R15.
  public var r15: UInt64 = 0
  /// The instruction pointer.
  public var rip: UInt64 = 0
  /// RFLAGS; bit 1 always reads as one.
  public var rflags: UInt64 = 2

  /// The state of all registers zero but RFLAGS, whose fixed bit is one.
  public init() {}

  /// The registers with their data-sheet names, in storage order.
  public var named: [(name: String, value: UInt64)] {
    [
      ("rax", rax), ("rbx", rbx), ("rcx", rcx), ("rdx", rdx), ("rsi", rsi), ("rdi", rdi),
      ("rsp", rsp), ("rbp", rbp), ("r8", r8), ("r9", r9), ("r10", r10), ("r11", r11),
      ("r12", r12), ("r13", r13), ("r14", r14), ("r15", r15), ("rip", rip), ("rflags", rflags),
    ]
  }
}

/// Bits of RFLAGS that the run loops look at (Intel SDM volume 1, §3.4.3).
public enum RFlags {
  /// TF: a debug exception follows each instruction.
  public static let trap: UInt64 = 1 << 8
  /// IF: maskable interrupts are accepted.
  public static let interruptEnable: UInt64 = 1 << 9
  /// CF, PF, AF, ZF, SF and OF: many instructions leave some of them undefined.
  public static let arithmetic: UInt64 = 0x8d5
  /// RF: the next instruction ignores instruction breakpoints.
  public static let resume: UInt64 = 1 << 16
}
