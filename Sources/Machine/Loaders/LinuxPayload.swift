/// The kernel proper inside a bzImage: the ELF file that the image's own stub would decompress
/// (Linux/x86 boot protocol, `payload_offset` and `payload_length`).
public enum LinuxPayload {
  /// The largest kernel unpacked, in bytes; Linux maps at most 1 GiB for itself and real kernels
  /// have well under 100 MiB.
  public static let maximumByteCount = 512 << 20

  /// Unpacks the ELF file (Linux appends its relocation table to it).
  ///
  /// LZ4 and zstd payloads are known.
  ///
  /// - Throws: ``LoaderError`` for a file that is no bzImage, is cut short, or is compressed by
  ///   something else, which the message names.
  public static func extract(_ bzImage: [UInt8]) throws(LoaderError) -> [UInt8] {
    let header = try LinuxSetupHeader(bzImage)
    let payload = try header.payload()
    let fields = ImageFields(bytes: bzImage)
    // Linux's build appends the unpacked size where the format does not end with it already.
    let sizeOffset = UInt64(payload.upperBound - sizeFieldByteCount)
    let stated = UInt64(try fields.read(UInt32.self, at: sizeOffset, "the unpacked size"))
    guard stated > 0, stated <= UInt64(maximumByteCount) else {
      throw .invalidField(
        name: "the unpacked size of the kernel", offset: sizeOffset, value: stated,
        expected: "from 1 to \(maximumByteCount >> 20) MiB")
    }
    let compressed = bzImage[payload.lowerBound..<payload.upperBound - sizeFieldByteCount]
    let elf: [UInt8]?
    switch PayloadCompression(firstBytes: compressed) {
    case .lz4: elf = PayloadCompression.unpackLZ4(compressed, byteCount: Int(stated))
    case .zstd: elf = PayloadCompression.unpackZstd(compressed, byteCount: Int(stated))
    case .other(let name): throw .unsupportedCompression(name: name, offset: payload.lowerBound)
    case .unknown:
      throw .unsupportedCompression(name: "an unknown method", offset: payload.lowerBound)
    }
    guard let elf else { throw .damagedPayload(offset: payload.lowerBound) }
    guard ELFImage.isELF(elf) else { throw .payloadNotELF(offset: payload.lowerBound) }
    return elf
  }

  private static let sizeFieldByteCount = 4
}
