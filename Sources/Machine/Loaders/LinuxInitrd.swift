/// What can be told of an initrd without unpacking it.
enum LinuxInitrd {
  /// Refuses what Linux could not unpack.
  ///
  /// - Throws: ``LoaderError`` when it is neither a cpio archive of the kind Linux reads nor
  ///   compressed by a method Linux knows, or a cpio archive that ends early.
  static func check(_ bytes: [UInt8]) throws(LoaderError) {
    guard !bytes.isEmpty else { throw .emptyInitrd }
    if isArchiveHeader(bytes, at: 0) {
      try checkArchive(bytes)
    } else {
      guard PayloadCompression(firstBytes: bytes[...]) != .unknown else {
        throw .notAnInitrd
      }
    }
  }

  /// `newc` and `crc` archives: six characters of magic.
  private static func isArchiveHeader(_ bytes: [UInt8], at offset: Int) -> Bool {
    let magic = bytes[offset...].prefix(6)
    return magic.elementsEqual("070701".utf8) || magic.elementsEqual("070702".utf8)
  }

  /// Walks the members to the one that ends the archive; what follows is not looked at, since
  /// archives may be joined and the next be compressed.
  private static func checkArchive(_ bytes: [UInt8]) throws(LoaderError) {
    var offset = 0
    while true {
      guard bytes.count - offset >= 110, isArchiveHeader(bytes, at: offset),
        let fileSize = hexadecimal(bytes, at: offset + 54),
        let nameSize = hexadecimal(bytes, at: offset + 94)
      else { throw .truncatedInitrd(offset: offset) }
      let name = bytes[(offset + 110)...].prefix(max(nameSize - 1, 0))
      if name.elementsEqual("TRAILER!!!".utf8) { return }
      let next = aligned(aligned(offset + 110 + nameSize) + fileSize)
      guard next < bytes.count else { throw .truncatedInitrd(offset: offset) }
      offset = next
    }
  }

  private static func aligned(_ offset: Int) -> Int { (offset + 3) & ~3 }

  /// A number of eight hexadecimal digits.
  private static func hexadecimal(_ bytes: [UInt8], at offset: Int) -> Int? {
    var value = 0
    for byte in bytes[offset..<offset + 8] {
      guard let digit = Character(UnicodeScalar(byte)).hexDigitValue else { return nil }
      value = value << 4 | digit
    }
    return value
  }
}
