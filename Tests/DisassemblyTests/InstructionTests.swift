import Disassembly
import Testing

/// Encodings from the Intel SDM, volume 2.
@Suite struct InstructionTests {
  @Test func lengthDependsOnTheCodeWidth() {
    // mov eax/ax, imm
    let code: [UInt8] = [0xb8, 1, 2, 3, 4]
    #expect(Instruction(decoding: code, width: .bits16)?.length == 3)
    #expect(Instruction(decoding: code, width: .bits32)?.length == 5)
    #expect(Instruction(decoding: code, width: .bits64)?.length == 5)
  }

  @Test(arguments: [
    ([0x0f, 0x31], Instruction.Operation.rdtsc), ([0x0f, 0x01, 0xf9], .rdtscp),
    ([0x0f, 0xc7, 0xf0], .rdrand), ([0x0f, 0xc7, 0xf8], .rdseed), ([0x0f, 0xa2], .cpuid),
    ([0xe5, 0x40], .in), ([0xee], .out), ([0x0f, 0x32], .rdmsr), ([0xf4], .hlt),
    ([0x90], .other),
  ])
  func operations(_ code: [UInt8], _ operation: Instruction.Operation) throws {
    let instruction = try #require(Instruction(decoding: code, width: .bits64))
    #expect(instruction.operation == operation)
    #expect(instruction.length == code.count)
    #expect(!instruction.isRepeated)
  }

  @Test func repeatPrefix() throws {
    let instruction = try #require(Instruction(decoding: [0xf3, 0x6e], width: .bits64))
    #expect(instruction.operation == .outs)
    #expect(instruction.isRepeated)
    #expect(instruction.length == 2)
  }

  @Test func offsetAndEndOfTheBytes() {
    #expect(Instruction(decoding: [0x90, 0x0f, 0x31], at: 1, width: .bits64)?.operation == .rdtsc)
    #expect(Instruction(decoding: [0x90, 0x0f], at: 1, width: .bits64) == nil)
    #expect(Instruction(decoding: [0x90], at: 1, width: .bits64) == nil)
    #expect(Instruction(decoding: [0x90], at: -1, width: .bits64) == nil)
    #expect(Instruction(decoding: [], width: .bits64) == nil)
  }

  @Test func text() {
    #expect(Instruction.text(of: [0x0f, 0x31], at: 0, width: .bits64) == "rdtsc")
    #expect(Instruction.text(of: [0xe5, 0xe4], at: 0, width: .bits64) == "in eax, 0xE4")
    #expect(Instruction.text(of: [0x0f], at: 0, width: .bits64) == nil)
  }
}
