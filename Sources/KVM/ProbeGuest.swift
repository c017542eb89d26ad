internal import Machine

/// A few instructions in real mode: what the host probes and the tests run.
///
/// Code lies at ``origin`` with all segments based at zero, but DS, whose selector 0xffff makes
/// `[0x10]` the first byte above one MiB of RAM: MMIO that real mode can reach.
struct ProbeGuest {
  /// Where the code starts.
  static let origin: UInt64 = 0x1000
  /// The stack's top.
  static let stackTop: UInt64 = 0x8000

  let processor: KVMProcessor
  let memory: GuestMemory
  private let initial: VCPUState

  /// Makes a VM with one MiB of RAM.
  init() throws(ProcessorError) {
    memory = try GuestMemory(mebibytes: 1)
    processor = try KVMProcessor(memory: memory)
    initial = try Self.realMode(processor.captureState())
  }

  /// Puts code at the origin and the processor at its first instruction.
  func load(_ code: [UInt8]) throws(ProcessorError) {
    processor.requestsInterruptWindow = false
    try processor.setBreakpoint(nil)
    try processor.restoreState(initial)
    memory.write(code, at: Self.origin)
  }

  private static func realMode(_ state: VCPUState) -> VCPUState {
    var state = state
    for index in state.system.segments.indices.prefix(6) {
      state.system.segments[index].base = 0
      state.system.segments[index].selector = 0
    }
    state.system.segments[1].base = 0xffff0
    state.system.segments[1].selector = 0xffff
    state.registers = GeneralRegisters()
    state.registers.rip = origin
    state.registers.rsp = stackTop
    return state
  }
}
