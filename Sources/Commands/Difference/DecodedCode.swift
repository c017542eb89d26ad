internal import Analysis
internal import Disassembly
internal import Machine

/// The instruction at the beginning of some code.
struct DecodedCode {
  var bytes: [UInt8]
  var width: CodeWidth
  var operation: Instruction.Operation

  init?(_ code: GuestCode?) {
    guard let code else { return nil }
    self.init(code.bytes, bits: code.bits)
  }

  init?(_ code: [UInt8], bits: Int) {
    guard let width = CodeWidth(rawValue: bits),
      let instruction = Instruction(decoding: code, width: width)
    else { return nil }
    bytes = Array(code.prefix(instruction.length))
    self.width = width
    operation = instruction.operation
  }

  func text(at address: UInt64) -> String? {
    Instruction.text(of: bytes, at: address, width: width)
  }

  /// The cause the instruction may be by itself.
  var cause: Explanation.Cause? {
    switch operation {
    case .rdtsc, .rdtscp: .timestampInstruction
    case .rdrand: .randomInstruction
    case .rdseed: .seedInstruction
    case .rdpid: .processorInstruction
    case .cpuid: .identification
    default: nil
    }
  }
}
