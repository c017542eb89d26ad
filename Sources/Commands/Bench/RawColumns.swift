internal import CZstd
internal import Trace

/// Events as plain columns of fixed width, and zstd at work on them: the reference that reels are
/// held against, whatever their format.
///
/// Each field of an event is one column of its own integers, and the payloads are one more; nothing
/// is modelled, and columns are compressed at level 1, each as one frame.
@safe
final class RawColumns {
  private(set) var columns: [[UInt8]] = []
  private(set) var eventCount = 0
  private var frames: [[UInt8]] = []
  private var output = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 16)
  private let compression = unsafe ZSTD_createCCtx()
  private let decompression = unsafe ZSTD_createDCtx()

  deinit {
    unsafe output.deallocate()
    _ = unsafe ZSTD_freeCCtx(compression)
    _ = unsafe ZSTD_freeDCtx(decompression)
  }

  /// Replaces the columns with those of these events.
  func set(_ events: [Event], payload: [UInt8]) {
    eventCount = events.count
    columns = [
      Self.column(events) { $0.kind.rawValue }, Self.column(events) { $0.flags.rawValue },
      Self.column(events) { $0.vcpu }, Self.column(events) { $0.stream },
      Self.column(events) { $0.width }, Self.column(events) { $0.check },
      Self.column(events) { $0.arithmeticFlags }, Self.column(events) { $0.count },
      Self.column(events) { $0.payloadLength }, Self.column(events) { $0.device },
      Self.column(events) { $0.image }, Self.column(events) { $0.address },
      Self.column(events) { $0.value }, Self.column(events) { $0.rip },
      Self.column(events) { $0.timestamp }, Self.column(events) { $0.digest },
      Self.column(events) { $0.entryTime }, Self.column(events) { $0.exitTime }, payload,
    ]
    let largest = columns.map { ZSTD_compressBound($0.count) }.max() ?? 0
    if unsafe output.count < largest {
      unsafe output.deallocate()
      unsafe output = .allocate(byteCount: largest, alignment: 16)
    }
  }

  private static func column<Field: FixedWidthInteger>(
    _ events: [Event], _ field: (Event) -> Field
  ) -> [UInt8] {
    let size = MemoryLayout<Field>.size
    return unsafe [UInt8](unsafeUninitializedCapacity: events.count * size) { buffer, count in
      for (index, event) in events.enumerated() {
        // Safe: the buffer has a place of this size for each event.
        unsafe UnsafeMutableRawBufferPointer(buffer)
          .storeBytes(of: field(event).littleEndian, toByteOffset: index * size, as: Field.self)
      }
      count = events.count * size
    }
  }

  /// Compresses the columns; the CPU nanoseconds it took.
  func compress() -> UInt64 {
    frames.removeAll()
    var spent: UInt64 = 0
    for column in columns {
      let start = BenchClock.thread()
      // Safe: zstd writes at most the output's count, and says how much it wrote.
      let size = unsafe column.withUnsafeBytes {
        unsafe ZSTD_compressCCtx(
          compression, output.baseAddress, output.count, $0.baseAddress, $0.count, 1)
      }
      spent += BenchClock.thread() - start
      precondition(ZSTD_isError(size) == 0, "zstd compresses any input into its own bound")
      unsafe frames.append([UInt8](output[..<size]))
    }
    return spent
  }

  /// The frames' bytes, once compressed.
  var compressedByteCount: Int { frames.reduce(0) { $0 + $1.count } }

  /// Decompresses the frames; the CPU nanoseconds it took.
  func decompress() -> UInt64 {
    let start = BenchClock.thread()
    for (frame, column) in zip(frames, columns) {
      // Safe: as above.
      let size = unsafe frame.withUnsafeBytes {
        unsafe ZSTD_decompressDCtx(
          decompression, output.baseAddress, output.count, $0.baseAddress, $0.count)
      }
      precondition(size == column.count, "a frame made here decompresses to what went in")
    }
    return BenchClock.thread() - start
  }
}

/// Copies events from memory to memory: the least that handing them on can cost.
@safe
final class EventCopy {
  private var output = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 64)

  deinit { unsafe output.deallocate() }

  /// Copies them; the CPU nanoseconds it took.
  func copy(_ events: [Event]) -> UInt64 {
    unsafe events.withUnsafeBytes { bytes in
      if unsafe output.count < bytes.count {
        unsafe output.deallocate()
        unsafe output = .allocate(byteCount: bytes.count, alignment: 64)
        // Touched once before it is timed: fresh memory would cost page faults.
        unsafe output.copyMemory(from: bytes)
      }
      let start = BenchClock.thread()
      unsafe output.copyMemory(from: bytes)
      return BenchClock.thread() - start
    }
  }
}
