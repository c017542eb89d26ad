public import Trace

/// A reel in memory: what tests and the fuzzer read.
public final class MemorySource: ReelSource {
  /// The file's bytes.
  public let bytes: [UInt8]

  /// Takes a file's bytes.
  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The file's size.
  public var byteCount: UInt64 { UInt64(bytes.count) }

  /// A stretch of the file; one beyond its end cannot be read, as on a disk.
  public func read(at offset: UInt64, count: Int) throws(TraceError) -> [UInt8] {
    guard count >= 0, offset <= byteCount, UInt64(count) <= byteCount - offset else {
      throw .unreadable(offset: offset, errorNumber: 5)
    }
    return Array(bytes[Int(offset)..<Int(offset) + count])
  }
}
