internal import CKVM
public import Machine

extension KVMProcessor {
  /// Intel SDM volume 2, 2.3.11.
  private static let longestInstruction = 15
  private static let longModeActive: UInt64 = 1 << 10

  /// The code at an instruction pointer (KVM_GET_SREGS for the mode, KVM_TRANSLATE for each page).
  public func code(at instructionPointer: UInt64) throws(ProcessorError) -> GuestCode? {
    var system = kvm_sregs()
    try cpu.descriptor.call(CKVM_GET_SREGS, with: &system, named: "KVM_GET_SREGS")
    let is64Bit = system.efer & Self.longModeActive != 0 && system.cs.l != 0
    var address = is64Bit ? instructionPointer : system.cs.base &+ instructionPointer
    if !is64Bit { address &= 0xffff_ffff }
    var bytes: [UInt8] = []
    while bytes.count < Self.longestInstruction {
      let left = GuestMemory.pageSize - Int(address % UInt64(GuestMemory.pageSize))
      let count = min(left, Self.longestInstruction - bytes.count)
      guard let part = try memory(at: address, count: count) else { break }
      bytes += part
      address &+= UInt64(count)
    }
    guard !bytes.isEmpty else { return nil }
    return GuestCode(bytes: bytes, bits: is64Bit ? 64 : system.cs.db != 0 ? 32 : 16)
  }

  /// Bytes at a linear address within one page; `nil` where it is not mapped to RAM.
  func memory(at linearAddress: UInt64, count: Int) throws(ProcessorError) -> [UInt8]? {
    guard let address = try physicalAddress(of: linearAddress) else { return nil }
    return machine.memory.read(address, count: count)
  }

  /// The guest physical address of a linear one (KVM_TRANSLATE); `nil` where none is mapped.
  func physicalAddress(of linear: UInt64) throws(ProcessorError) -> UInt64? {
    var translation = kvm_translation()
    translation.linear_address = linear
    try cpu.descriptor.call(CKVM_TRANSLATE, with: &translation, named: "KVM_TRANSLATE")
    return translation.valid != 0 ? translation.physical_address : nil
  }
}
