internal import Disassembly
internal import Machine
internal import Trace

/// RIP at one port write, as the reel has it and as it is here.
struct PortWriteRIPs: Hashable {
  /// A guest may make code for ever; beyond these, places are decoded anew each time.
  static let limit = 4096

  var recorded: UInt64
  var replayed: UInt64
}

extension Replayer {
  /// Whether RIP at two exits is the same in normal form.
  ///
  /// At an OUT some KVMs report RIP at the instruction (kvm-amd and kvm-intel, whose fast path
  /// leaves the skip to the next entry), others after it (wherever KVM's emulator executes it).
  /// Where the reel is of another kind of host than this one, the instruction at the lower RIP is decoded: it must be
  /// an OUT that ends at the other one. After a shutdown RIP is the host's (kvm-amd resets it).
  func agreeInRIP(_ want: Event, _ live: Event) throws -> Bool {
    if want.rip == live.rip || want.kind == .shutdown { return true }
    guard !policy.hostIsOfRecordedKind, want.kind == .portWrite, want.count == 0 else {
      return false
    }
    let pair = PortWriteRIPs(recorded: want.rip, replayed: live.rip)
    if !portWrites.contains(pair) {
      guard try isOUT(from: want.rip, to: live.rip) || isOUT(from: live.rip, to: want.rip) else {
        return false
      }
      if portWrites.count < PortWriteRIPs.limit { portWrites.insert(pair) }
    }
    verdict.exitsNormalized += 1
    return true
  }

  private func isOUT(from start: UInt64, to end: UInt64) throws(ProcessorError) -> Bool {
    let length = end &- start
    guard length > 0, length <= UInt64(Instruction.maximumLength),
      let code = try cpu.code(at: start), let width = CodeWidth(rawValue: code.bits),
      let instruction = Instruction(decoding: code.bytes, width: width)
    else { return false }
    return instruction.operation == .out && UInt64(instruction.length) == length
  }
}
