internal import CZstd

/// Independent zstd frames: what blocks, or their columns, are stored as.
///
/// Owns a compression context, so that a writer reuses its memory from block to block.
@safe
public final class FrameCompressor {
  /// The level for events: for planes hardly slower than 1, and higher ones buy nothing.
  public static let level: Int32 = 3
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
    var frame: [UInt8] = []
    unsafe raw.withUnsafeBytes { unsafe compress($0, level: level, to: &frame) }
    return frame
  }

  /// Appends the frame of some bytes.
  func compress(_ raw: UnsafeRawBufferPointer, level: Int32, to bytes: inout [UInt8]) {
    let bound = ZSTD_compressBound(raw.count)
    if unsafe output.count < bound {
      unsafe output.deallocate()
      unsafe output = .allocate(byteCount: bound, alignment: 16)
    }
    // Safe: zstd writes at most as many bytes as the buffer has.
    let written = unsafe ZSTD_compressCCtx(
      context, output.baseAddress, output.count, raw.baseAddress, raw.count, level)
    precondition(ZSTD_isError(written) == 0, "zstd compresses any input into its own bound")
    unsafe bytes.append(contentsOf: output[..<written])
  }
}

/// Decompresses frames; owns a context, so that a block's columns share one.
@safe
final class FrameDecompressor {
  /// Made with the first frame: it takes longer than reading a block whose columns are stored as
  /// they are.
  private var context: OpaquePointer?

  init() {}

  deinit {
    _ = unsafe ZSTD_freeDCtx(context)
  }

  /// Decompresses one frame to exactly the size stated, or fails.
  func decompress(_ stored: UnsafeRawBufferPointer, rawSize: Int) -> [UInt8]? {
    if unsafe context == nil { unsafe context = ZSTD_createDCtx() }
    var isComplete = false
    // Not of capacity 0: threads would write that count into the empty array all of them share.
    let raw = unsafe [UInt8](unsafeUninitializedCapacity: max(rawSize, 1)) { output, count in
      // One frame and nothing behind it: zstd alone would go on with the next.
      guard
        unsafe ZSTD_findFrameCompressedSize(stored.baseAddress, stored.count) == stored.count
      else { return }
      // Safe: zstd never writes past the capacity it is given and says how much it wrote.
      let written = unsafe ZSTD_decompressDCtx(
        context, output.baseAddress, rawSize, stored.baseAddress, stored.count)
      isComplete = ZSTD_isError(written) == 0 && written == rawSize
      count = isComplete ? written : 0
    }
    return isComplete ? raw : nil
  }
}
