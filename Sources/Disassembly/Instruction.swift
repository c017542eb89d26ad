internal import CZydis

/// The operand and address size code runs with.
public enum CodeWidth: Int, Equatable, Sendable {
  /// Real mode and 16-bit segments.
  case bits16 = 16
  /// 32-bit segments.
  case bits32 = 32
  /// 64-bit mode.
  case bits64 = 64
}

/// One decoded x86 instruction, as far as vmreel looks into it.
public struct Instruction: Equatable, Sendable {
  /// The operations somebody asks for by name.
  public enum Operation: UInt8, Equatable, Sendable {
    case other, `in`, out, ins, outs, hlt, cpuid, rdmsr, wrmsr
    case rdtsc, rdtscp, rdpmc, rdrand, rdseed, rdpid
  }

  /// The longest an instruction can be, in bytes.
  ///
  /// Intel SDM volume 2, 2.3.11.
  public static let maximumLength = 15

  /// Bytes, prefixes included: 1–15.
  public var length: Int
  /// What it does.
  public var operation: Operation
  /// Whether it is repeated by a REP, REPE or REPNE prefix.
  public var isRepeated: Bool

  /// Decodes the instruction that begins at `offset`.
  ///
  /// - Returns: `nil` when the bytes there are no instruction or end within one.
  public init?(decoding code: [UInt8], at offset: Int = 0, width: CodeWidth) {
    guard code.indices.contains(offset) else { return nil }
    var decoded = czydis_instruction()
    let isDecoded = unsafe code.withUnsafeBytes { bytes in
      let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset...])
      return unsafe czydis_decode(Int32(width.rawValue), rest.baseAddress, rest.count, &decoded)
    }
    guard isDecoded != 0 else { return nil }
    length = Int(decoded.length)
    operation = Operation(rawValue: decoded.operation) ?? .other
    isRepeated = decoded.has_repeat != 0
  }

  /// The instruction in Intel syntax: `in eax, 0xE0`.
  ///
  /// - Parameters:
  ///   - code: begins with the instruction.
  ///   - address: where it lies, so that jumps name their targets.
  /// - Returns: `nil` when the bytes are no instruction.
  public static func text(of code: [UInt8], at address: UInt64, width: CodeWidth) -> String? {
    var text = [UInt8](repeating: 0, count: 128)
    let isFormatted = unsafe code.withUnsafeBytes { bytes in
      unsafe text.withUnsafeMutableBytes { text in
        unsafe czydis_format(
          Int32(width.rawValue), bytes.baseAddress, bytes.count, address, text.baseAddress,
          text.count)
      }
    }
    guard isFormatted != 0 else { return nil }
    return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
  }
}
