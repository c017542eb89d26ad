internal import Machine
internal import Trace

/// Where a landing is to end: the sealed state and, of RAM, what tells it from states like it.
struct LandingTarget {
  /// So many pages are remembered as telltales.
  static let telltaleLimit = 32

  let state: VCPUState
  let pages: [UInt32: StoredPage]
  /// The host nanoseconds the recorded guest took to get here.
  let sliceNanoseconds: UInt64
  /// Pages that differed where all registers agreed, with their sealed content, the last found first.
  ///
  /// A comparison of bytes here saves hashing every changed page.
  private(set) var telltales: [(page: UInt32, content: [UInt8])] = []

  init(_ state: VCPUState, _ pages: [UInt32: StoredPage], sliceNanoseconds: UInt64) {
    self.state = state
    self.pages = pages
    self.sliceNanoseconds = sliceNanoseconds
  }

  var registers: GeneralRegisters { state.registers }

  /// Whether the guest was stopped at CPL 3; in real mode there is none.
  var isUserMode: Bool {
    state.system.cr0 & 1 != 0 && state.system.segments[0].selector & 3 == 3
  }

  /// The linear address of the next instruction.
  var linearAddress: UInt64 { registers.rip &+ state.system.segments[0].base }

  mutating func note(_ page: UInt32, content: [UInt8]) {
    telltales.removeAll { $0.page == page }
    telltales.insert((page, content), at: 0)
    if telltales.count > Self.telltaleLimit { telltales.removeLast() }
  }

  /// Whether a state in normal form is the target's.
  ///
  /// Naming all differences costs a million instructions, so what differs most often is compared
  /// first, and equal states are not searched for any.
  func isState(_ live: VCPUState) -> Bool {
    guard live.system.cr3 == state.system.cr3, live.system.cr2 == state.system.cr2 else {
      return false
    }
    return live == state || differences(from: state, to: live).isEmpty
  }

  /// Whether the guest may be inside the repeated string instruction where the target is: all
  /// registers agree but those that its iterations move.
  ///
  /// Cheap, and never false there; LODS moves RAX, CMPS and SCAS the flags.
  func mayIterate(_ live: GeneralRegisters) -> Bool {
    var moved = live
    (moved.rcx, moved.rsi, moved.rdi) = (registers.rcx, registers.rsi, registers.rdi)
    (moved.rax, moved.rflags) = (registers.rax, registers.rflags)
    // INS and OUTS make exits of their own.
    return moved == registers
  }
}
