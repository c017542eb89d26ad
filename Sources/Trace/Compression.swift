internal import CZstd

/// Independent zstd frames: what every block's bytes are stored as.
///
/// Owns a compression context, so that a writer reuses its memory from block to block.
@safe
public final class FrameCompressor {
  /// The level for events; peers measured that higher ones buy nothing.
  public static let level: Int32 = 1
  /// The level for pages, nearly twice as fast for a fifth more bytes: what a keyframe waits for.
  static let pageLevel: Int32 = -3
  private let context: OpaquePointer?
  /// Where frames are made: kept, since the memory of a new MiB costs more than compressing it.
  private var output = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)

  /// Makes a compressor.
  public init() {
    unsafe context = ZSTD_createCCtx()
  }

  deinit {
    _ = unsafe ZSTD_freeCCtx(context)
    unsafe output.deallocate()
  }

  /// Compresses bytes to one frame.
  public func compress(_ raw: [UInt8], level: Int32 = level) -> [UInt8] {
    let bound = ZSTD_compressBound(raw.count)
    if unsafe output.count < bound {
      unsafe output.deallocate()
      unsafe output = .allocate(byteCount: bound, alignment: 16)
    }
    // Safe: zstd writes at most as many bytes as the buffer has.
    let written = unsafe raw.withUnsafeBytes {
      unsafe ZSTD_compressCCtx(
        context, output.baseAddress, output.count, $0.baseAddress, $0.count, level)
    }
    precondition(ZSTD_isError(written) == 0, "zstd compresses any input into its own bound")
    return unsafe [UInt8](output[..<written])
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

/// The first bytes of a frame's content, from the beginning of the frame; `nil` when that much
/// cannot be had from what is there.
func decompressPrefix(_ stored: [UInt8], byteCount: Int) -> [UInt8]? {
  guard let context = unsafe ZSTD_createDCtx() else { return nil }
  defer { _ = unsafe ZSTD_freeDCtx(context) }
  // A frame's header says how much memory decoding it takes, and may lie.
  _ = unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 23)
  var isComplete = false
  let raw = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
    // Safe: zstd reads and writes inside the two buffers as it is told their sizes.
    unsafe stored.withUnsafeBytes { bytes in
      var input = unsafe ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
      var output = unsafe ZSTD_outBuffer(dst: buffer.baseAddress, size: byteCount, pos: 0)
      while unsafe output.pos < byteCount, unsafe input.pos < input.size {
        let before = unsafe (input.pos, output.pos)
        let result = unsafe ZSTD_decompressStream(context, &output, &input)
        if unsafe ZSTD_isError(result) != 0 || before == (input.pos, output.pos) { break }
      }
      isComplete = unsafe output.pos == byteCount
    }
    count = isComplete ? byteCount : 0
  }
  return isComplete ? raw : nil
}
