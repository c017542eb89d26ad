internal import CLZ4
internal import CZstd

/// How a kernel's payload is compressed, told by its first bytes, and how to undo it.
enum PayloadCompression: Equatable {
  /// LZ4's legacy frame.
  case lz4
  /// A zstd frame.
  case zstd
  /// A gzip member.
  case gzip
  /// Something Linux can unpack and this loader cannot.
  case other(name: String)
  /// Nothing Linux can unpack.
  case unknown

  /// The magic numbers Linux's own `decompress_method` looks for.
  init(firstBytes: ArraySlice<UInt8>) {
    let known: [(magic: [UInt8], compression: PayloadCompression)] = [
      (Self.lz4Magic, .lz4),
      ([0x28, 0xb5, 0x2f, 0xfd], .zstd),
      ([0x1f, 0x8b], .gzip),
      ([0xfd, 0x37, 0x7a, 0x58, 0x5a], .other(name: "xz")),
      ([0x42, 0x5a, 0x68], .other(name: "bzip2")),
      ([0x5d, 0x00, 0x00], .other(name: "lzma")),
      ([0x89, 0x4c, 0x5a], .other(name: "lzo")),
    ]
    self =
      known.first { firstBytes.starts(with: $0.magic) }?.compression ?? .unknown
  }

  private static let lz4Magic: [UInt8] = [0x02, 0x21, 0x4c, 0x18]
  /// Each block of a legacy frame unpacks to this much, the last to what is left.
  private static let lz4BlockByteCount = 8 << 20

  /// Unpacks a legacy frame: the magic number, then blocks of a 4-byte size and LZ4 data.
  ///
  /// - Returns: exactly `byteCount` bytes, or `nil` when the frame does not hold them.
  static func unpackLZ4(_ compressed: ArraySlice<UInt8>, byteCount: Int) -> [UInt8]? {
    // No LZ4 byte stands for more than 255: a hostile size asks for no more memory than that.
    guard byteCount <= compressed.count.multipliedReportingOverflow(by: 255).partialValue else {
      return nil
    }
    var rest = compressed.dropFirst(lz4Magic.count)
    var complete = true
    let unpacked = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { output, filled in
      while filled < byteCount {
        let header = rest.prefix(4)
        let blockSize = header.reversed().reduce(0) { $0 << 8 | Int($1) }
        rest = rest.dropFirst(4)
        // LZ4 takes a signed size, so a block of 2 GiB or more is none of its own.
        guard header.count == 4, blockSize > 0, blockSize <= min(rest.count, Int(Int32.max)) else {
          break
        }
        let room = min(byteCount - filled, lz4BlockByteCount)
        // Safe: LZ4 reads and writes within the two sizes it is given, both checked above.
        let written = unsafe rest.withUnsafeBufferPointer { input in
          unsafe input.withMemoryRebound(to: CChar.self) { source in
            unsafe LZ4_decompress_safe(
              source.baseAddress,
              UnsafeMutableRawPointer(output.baseAddress.unsafelyUnwrapped + filled)
                .assumingMemoryBound(to: CChar.self), Int32(blockSize), Int32(room))
          }
        }
        guard written > 0 else { break }
        filled += Int(written)
        rest = rest.dropFirst(blockSize)
      }
      complete = filled == byteCount
    }
    return complete ? unpacked : nil
  }

  /// Whether the bytes begin with a zstd frame that is all there; what is in it is not looked at.
  static func hasWholeZstdFrame(_ bytes: [UInt8]) -> Bool {
    // Safe: zstd reads within the size it is given.
    unsafe bytes.withUnsafeBytes {
      unsafe ZSTD_isError(ZSTD_findFrameCompressedSize($0.baseAddress, $0.count)) == 0
    }
  }

  /// Unpacks one zstd frame.
  ///
  /// - Returns: exactly `byteCount` bytes, or `nil` when the frame does not hold them.
  static func unpackZstd(_ compressed: ArraySlice<UInt8>, byteCount: Int) -> [UInt8]? {
    var complete = false
    let unpacked = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { output, filled in
      // Safe: zstd reads and writes within the two sizes it is given.
      let written = unsafe compressed.withUnsafeBytes { input in
        unsafe ZSTD_decompress(output.baseAddress, byteCount, input.baseAddress, input.count)
      }
      complete = ZSTD_isError(written) == 0 && written == byteCount
      filled = complete ? byteCount : 0
    }
    return complete ? unpacked : nil
  }
}
