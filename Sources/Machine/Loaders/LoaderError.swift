/// Why an image could not be loaded; `description` says what, where and what to do.
///
/// Offsets are bytes from the image's first byte, addresses guest physical.
public enum LoaderError: Error, Equatable, Sendable {
  /// The image has no bytes.
  case emptyImage
  /// A part ends above the end of RAM.
  case memoryTooSmall(part: String, neededMiB: UInt64, availableMiB: Int)
  /// There is no Multiboot header where one must be.
  case notMultiboot(searchedBytes: Int)
  /// There is a Multiboot magic number, but its checksum is wrong.
  case badChecksum(offset: Int)
  /// The Multiboot header demands features (flag bits 0–15) that this loader has not.
  case unsupportedFlags(flags: UInt32, offset: Int)
  /// The Multiboot header gives no addresses, and the image is not an ELF file.
  case notELF(headerOffset: Int)
  /// A field holds a value that cannot be right or cannot be used.
  case invalidField(name: String, offset: UInt64, value: UInt64, expected: String)
  /// A part of the image lies behind its end.
  case truncated(part: String, offset: UInt64, byteCount: UInt64, imageByteCount: Int)
  /// An address plus a size exceeds 64 bits.
  case addressOverflow(part: String, address: UInt64, byteCount: UInt64)
  /// Two parts claim the same memory.
  case overlap(part: String, other: String, address: UInt64)
  /// No part of the image holds the first instruction.
  case entryOutsideImage(address: UInt64)
  /// A flat image cannot be started at this address.
  case unusableLoadAddress(address: UInt64, allowed: String)
  /// There are more of something than the loader has room for.
  case tooMany(what: String, count: Int, limit: Int)
  /// The file is neither a bzImage nor an ELF file.
  case notLinux
  /// The bzImage's boot protocol is older than this loader supports.
  case kernelTooOld(version: UInt16)
  /// The kernel inside a bzImage is compressed by a method this loader has no decompressor for.
  case unsupportedCompression(name: String, offset: Int)
  /// The compressed kernel inside a bzImage does not unpack to the size it states.
  case damagedPayload(offset: Int)
  /// What a bzImage's payload unpacks to is not an ELF file.
  case payloadNotELF(offset: Int)
  /// An ELF file that shows neither a PVH entry point nor that it is Linux.
  case noLinuxEntry
  /// The command line is longer than the kernel reads.
  case commandLineTooLong(byteCount: Int, limit: Int)
  /// The initrd has no bytes.
  case emptyInitrd
  /// The initrd is nothing Linux can unpack.
  case notAnInitrd
  /// The initrd's archive ends before its last member.
  case truncatedInitrd(offset: Int)
  /// The initrd's compressed data ends early or is damaged.
  case damagedInitrd(compression: String)
  /// The initrd does not fit above the kernel and below the last address it may have.
  case initrdTooLarge(byteCount: Int, room: UInt64)
  /// The RDTSC instructions of the kernel cannot be rewritten.
  case notPatchable(reason: String)
}

extension LoaderError: CustomStringConvertible {
  /// One sentence: what, where, what to do.
  public var description: String {
    switch self {
    case .emptyImage:
      "the image is empty; give a file that holds a guest"
    case .memoryTooSmall(let part, let needed, let available):
      Self.memoryMessage(part: part, needed: needed, available: available)
    case .notMultiboot(let searched):
      "no Multiboot header in the first \(searched) bytes; give a Multiboot 1 kernel"
    case .badChecksum(let offset):
      "the Multiboot header at offset \(hex(offset)) has a wrong checksum; rebuild the kernel"
    case .unsupportedFlags(let flags, let offset):
      Self.flagsMessage(flags: flags, offset: offset)
    case .notELF(let offset):
      "the Multiboot header at offset \(hex(offset)) gives no addresses and the image is not ELF; "
        + "link the kernel as ELF or set flag bit 16"
    case .invalidField(let name, let offset, let value, let expected):
      "\(name) at offset \(hex(offset)) is \(hex(value)), but must be \(expected); "
        + "rebuild the image"
    case .truncated(let part, let offset, let byteCount, let imageByteCount):
      "\(part) at offset \(hex(offset)) has \(byteCount) bytes, but the image ends at "
        + "\(hex(imageByteCount)); copy the file again"
    case .addressOverflow(let part, let address, let byteCount):
      "\(part) at \(hex(address)) with \(hex(byteCount)) bytes ends beyond 64 bits; "
        + "rebuild the image"
    case .overlap(let part, let other, let address):
      "\(part) and \(other) both claim memory at \(hex(address)); link the image elsewhere"
    case .entryOutsideImage(let address):
      "the entry point \(hex(address)) is in no loaded part of the image; check its linking"
    case .unusableLoadAddress(let address, let allowed):
      "a flat image cannot be loaded at \(hex(address)); choose \(allowed)"
    case .tooMany(let what, let count, let limit):
      "\(count) \(what) are more than the \(limit) the loader has room for; give fewer"
    case .notLinux, .kernelTooOld, .unsupportedCompression, .damagedPayload, .payloadNotELF,
      .noLinuxEntry, .commandLineTooLong, .emptyInitrd, .notAnInitrd, .truncatedInitrd,
      .damagedInitrd, .initrdTooLarge, .notPatchable:
      linuxDescription
    }
  }

  private static func memoryMessage(part: String, needed: UInt64, available: Int) -> String {
    if needed > UInt64(GuestMemory.maximumMiB) {
      return "\(part) needs \(needed) MiB of RAM, more than the \(GuestMemory.maximumMiB) MiB a "
        + "guest can have; link it lower"
    }
    return "\(part) needs \(needed) MiB of RAM, but the guest has \(available); "
      + "use -m \(needed) or more"
  }

  private static func flagsMessage(flags: UInt32, offset: Int) -> String {
    let refused = (0..<16).filter { bit in
      flags & ~MultibootHeader.supportedFlags & 1 << UInt32(bit) != 0
    }
    let bits = refused.map(String.init).joined(separator: ", ")
    return "the Multiboot header at offset \(hex(offset)) demands what vmreel has not (flag bits "
      + "\(bits)\(refused.contains(2) ? "; 2 is a video mode" : "")); build the kernel without"
  }
}

/// A number as messages show addresses and offsets.
func hex(_ value: some BinaryInteger) -> String {
  "0x" + String(value, radix: 16)
}
