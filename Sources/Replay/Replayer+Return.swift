internal import Disassembly
internal import Machine

extension Replayer {
  /// So many words of the stack are searched for a return address.
  private static var stackWords: UInt64 { 64 }

  /// Where the function that is running seems to return to; `nil` outside 64-bit mode.
  ///
  /// It is the first word on the stack before which there is a CALL.
  func returnAddress() throws(ProcessorError) -> UInt64? {
    for slot in 0..<Self.stackWords {
      guard let word = try cpu.code(at: cpu.registers.rsp &+ 8 * slot), word.bits == 64,
        word.bytes.count >= 8
      else { return nil }
      let address = word.bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
      if address != 0, try isAfterCall(address) { return address }
    }
    return nil
  }

  /// Whether a CALL ends at an address: `E8 rel32`, or `FF /2` through a register or memory.
  private func isAfterCall(_ address: UInt64) throws(ProcessorError) -> Bool {
    for length in [5, 2, 3, 4, 6, 7] as [UInt64] {
      guard let code = try cpu.code(at: address &- length),
        let width = CodeWidth(rawValue: code.bits),
        let instruction = Instruction(decoding: code.bytes, width: width),
        UInt64(instruction.length) == length,
        let text = Instruction.text(of: code.bytes, at: address &- length, width: width)
      else { continue }
      if text.hasPrefix("call") { return true }
    }
    return false
  }
}
