public import Bytes

/// Why bytes could not be read as a reel; each case says what, and where in the file.
public enum TraceError: Error, Equatable, Sendable {
  /// The file does not begin with a reel's magic number.
  case notAReel
  /// The file ends inside its 64-byte header.
  case headerTruncated(byteCount: UInt64)
  /// The 64-byte header does not match its checksum.
  case headerDamaged
  /// The file has a version of the format that this program does not read.
  case unsupportedVersion(major: UInt16, minor: UInt16)
  /// The file needs reader features this version does not know (bits of the required set).
  case unsupportedFeatures(bits: UInt64)
  /// A block's header is not one: no magic, or its checksum fails.
  case blockHeaderDamaged(offset: UInt64)
  /// The file ends inside a block.
  case blockTruncated(offset: UInt64)
  /// A block's bytes do not match its checksum.
  case blockDamaged(offset: UInt64)
  /// A block's sizes exceed what the format allows.
  case blockTooLarge(offset: UInt64, rawSize: UInt64)
  /// A block could not be decompressed to the size it states.
  case decompressionFailed(offset: UInt64)
  /// A field inside a block is malformed.
  case malformed(offset: UInt64, what: String, ByteReaderError?)
  /// A column that a reader must understand is unknown.
  case unknownRequiredColumn(offset: UInt64, column: UInt16)
  /// The reel has no block of a kind it cannot do without.
  case missing(what: String)
  /// A page's bytes do not match their identity.
  case pageDamaged(offset: UInt64, page: Int)
  /// Guest memory was asked for, and the reel says that it was left out.
  case pagesStripped
  /// Console text was asked for, or a replay, and the reel says that the text was left out.
  case consoleStripped
  /// The bytes behind the reel could not be read.
  case unreadable(offset: UInt64, errorNumber: Int32)
}

extension TraceError: CustomStringConvertible {
  /// One sentence: what is wrong, where, and what to do.
  public var description: String {
    switch self {
    case .notAReel:
      "this is not a reel: its first 8 bytes are not vmreel's magic number"
    case .headerTruncated(let byteCount):
      "this is not a whole reel: its 64-byte header ends after \(byteCount) bytes"
    case .headerDamaged:
      "the reel's header (offset 0) is damaged: its checksum does not match"
    case .unsupportedVersion(let major, let minor):
      "the reel has format \(major).\(minor), and this vmreel reads \(FileHeader.currentMajor).x; "
        + (major < FileHeader.currentMajor
          ? "use the vmreel that recorded it, or record again" : "use a newer vmreel")
    case .unsupportedFeatures(let bits):
      "the reel needs reader features 0x\(String(bits, radix: 16)) that this vmreel lacks; "
        + "use a newer vmreel"
    case .blockHeaderDamaged(let offset):
      "the block header at offset \(offset) is damaged"
    case .blockTruncated(let offset):
      "the reel ends inside the block at offset \(offset)"
    case .blockDamaged(let offset):
      "the block at offset \(offset) is damaged: its checksum does not match"
    case .blockTooLarge(let offset, let rawSize):
      "the block at offset \(offset) claims \(rawSize) bytes, more than the format allows"
    case .decompressionFailed(let offset):
      "the block at offset \(offset) does not decompress to the size it states"
    case .malformed(let offset, let what, let detail):
      "the block at offset \(offset) has a malformed \(what)"
        + (detail.map { " (\(Self.describe($0)))" } ?? "")
    case .unknownRequiredColumn(let offset, let column):
      "the block at offset \(offset) has column \(column), which a reader must understand and "
        + "this vmreel does not; use a newer vmreel"
    case .missing(let what):
      "the reel has no \(what)"
    case .pageDamaged(let offset, let page):
      "page \(page) in the block at offset \(offset) does not match its identity"
    case .pagesStripped:
      "the guest's memory pages were stripped from this reel, so it cannot be replayed; "
        + "use the original, or record again"
    case .consoleStripped:
      "the console text was stripped from this reel, and with it what a replay compares; "
        + "use the original, or record again"
    case .unreadable(let offset, let errorNumber):
      "reading the reel at offset \(offset) failed (errno \(errorNumber))"
    }
  }

  private static func describe(_ error: ByteReaderError) -> String {
    switch error {
    case .truncated(let offset, let wanted, let available):
      "byte \(offset): \(wanted) wanted, \(available) left"
    case .malformedVarint(let offset): "byte \(offset): malformed varint"
    case .outOfBounds(let offset, let value, let limit):
      "byte \(offset): \(value) exceeds \(limit)"
    }
  }
}
