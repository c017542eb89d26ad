internal import CZlib

/// One gzip member, unpacked by zlib.
enum GzipStream {
  /// Unpacks to exactly `byteCount` bytes, or `nil` when the member does not hold them.
  static func unpack(_ compressed: ArraySlice<UInt8>, byteCount: Int) -> [UInt8]? {
    // No byte of deflate stands for more than 1032: a hostile size asks for no more memory.
    guard byteCount <= compressed.count.multipliedReportingOverflow(by: 1032).partialValue else {
      return nil
    }
    var unpacked: [UInt8] = []
    unpacked.reserveCapacity(byteCount)
    let isWhole = unsafe inflate(compressed) { piece in
      guard piece.count <= byteCount - unpacked.count else { return false }
      unsafe unpacked.append(contentsOf: piece)
      return true
    }
    return isWhole && unpacked.count == byteCount ? unpacked : nil
  }

  /// Whether the member's end is there and all before it is sound.
  static func isWhole(_ compressed: ArraySlice<UInt8>) -> Bool {
    unsafe inflate(compressed) { _ in true }
  }

  /// Unpacks piece by piece until the member's end, or until the consumer has had enough.
  ///
  /// - Returns: whether the end was reached, and with it a checksum that fits.
  private static func inflate(
    _ compressed: ArraySlice<UInt8>, _ consume: (UnsafeRawBufferPointer) -> Bool
  ) -> Bool {
    var stream = unsafe z_stream()
    // 16 says gzip, 15 is deflate's largest window.
    let started = unsafe inflateInit2_(
      &stream, 16 + 15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard started == Z_OK else { return false }
    defer { _ = unsafe inflateEnd(&stream) }
    var piece = [UInt8](repeating: 0, count: 1 << 18)
    var input = compressed
    return unsafe input.withUnsafeMutableBufferPointer { input in
      // Safe: zlib reads and writes within the two counts it is given.
      unsafe stream.next_in = input.baseAddress
      unsafe stream.avail_in = UInt32(clamping: input.count)
      return unsafe piece.withUnsafeMutableBufferPointer { piece in
        while true {
          unsafe stream.next_out = piece.baseAddress
          unsafe stream.avail_out = UInt32(piece.count)
          let result = unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
          let filled = unsafe piece.count - Int(stream.avail_out)
          guard result == Z_OK || result == Z_STREAM_END,
            unsafe consume(
              UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(piece)[..<filled]))
          else { return false }
          if result == Z_STREAM_END { return true }
        }
      }
    }
  }
}
