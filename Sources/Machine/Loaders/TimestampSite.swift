/// An instruction of a kernel image that reads the timestamp counter.
public struct TimestampSite: Equatable, Sendable {
  /// Which of the two.
  public enum Kind: Equatable, Sendable {
    /// RDTSC: 0F 31.
    case rdtsc
    /// RDTSCP: 0F 01 F9.
    case rdtscp
  }

  /// The virtual address it is linked at.
  public var address: UInt64
  /// The guest physical address it is loaded at.
  public var physicalAddress: UInt64
  /// Its offset in the ELF file.
  public var fileOffset: Int
  /// Its length in bytes, prefixes included.
  public var byteCount: Int
  /// Which instruction it is.
  public var kind: Kind
  /// The section it lies in.
  public var section: String
}
