/// One row of a CPUID table: what the guest reads for a leaf and sub-leaf.
public struct CPUIDEntry: Equatable, Sendable {
  /// The leaf (EAX before the instruction).
  public var leaf: UInt32
  /// The sub-leaf (ECX before the instruction); meaningful when ``flags`` bit 0 is set.
  public var subleaf: UInt32
  /// KVM_CPUID_FLAG_*: bit 0, the sub-leaf is significant.
  public var flags: UInt32
  /// EAX afterwards.
  public var eax: UInt32
  /// EBX afterwards.
  public var ebx: UInt32
  /// ECX afterwards.
  public var ecx: UInt32
  /// EDX afterwards.
  public var edx: UInt32

  /// Makes a row.
  public init(
    leaf: UInt32, subleaf: UInt32 = 0, flags: UInt32 = 0, eax: UInt32 = 0, ebx: UInt32 = 0,
    ecx: UInt32 = 0, edx: UInt32 = 0
  ) {
    self.leaf = leaf
    self.subleaf = subleaf
    self.flags = flags
    self.eax = eax
    self.ebx = ebx
    self.ecx = ecx
    self.edx = edx
  }
}
