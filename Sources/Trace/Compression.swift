internal import CZstd

/// Independent zstd frames: what every block's bytes are stored as.
///
/// Owns a compression context, so that a writer reuses its memory from block to block.
@safe
public final class FrameCompressor {
  /// The level for events and pages; peers measured that higher ones buy nothing.
  public static let level: Int32 = 1
  private let context: OpaquePointer?

  /// Makes a compressor.
  public init() {
    unsafe context = ZSTD_createCCtx()
  }

  deinit {
    _ = unsafe ZSTD_freeCCtx(context)
  }

  /// Compresses bytes to one frame.
  public func compress(_ raw: [UInt8]) -> [UInt8] {
    let bound = ZSTD_compressBound(raw.count)
    return unsafe [UInt8](unsafeUninitializedCapacity: bound) { output, count in
      // Safe: zstd writes at most `bound` bytes into the buffer of that capacity.
      let written = unsafe raw.withUnsafeBytes {
        unsafe ZSTD_compressCCtx(
          context, output.baseAddress, bound, $0.baseAddress, $0.count, Self.level)
      }
      precondition(ZSTD_isError(written) == 0, "zstd compresses any input into its own bound")
      count = written
    }
  }
}

/// Decompresses one frame to exactly the size stated, or fails.
func decompressFrame(_ stored: [UInt8], rawSize: Int) -> [UInt8]? {
  var complete = false
  let raw = unsafe [UInt8](unsafeUninitializedCapacity: rawSize) { output, count in
    // Safe: zstd never writes past the capacity it is given and says how much it wrote.
    let written = unsafe stored.withUnsafeBytes { input in
      // One frame and nothing behind it: zstd alone would go on with the next.
      guard unsafe ZSTD_findFrameCompressedSize(input.baseAddress, input.count) == input.count
      else { return Int.max }
      return unsafe ZSTD_decompress(output.baseAddress, rawSize, input.baseAddress, input.count)
    }
    complete = ZSTD_isError(written) == 0 && written == rawSize
    count = complete ? written : 0
  }
  return complete ? raw : nil
}
