/// Where the blocks of a reel being written go: a file, or a stream.
public protocol ReelDestination: AnyObject {
  /// Bytes of whole blocks written.
  var byteCount: UInt64 { get }

  /// Whether a reader may look at the end first, so that an index there is of use.
  var isSeekable: Bool { get }

  /// Appends a whole block.
  func write(_ bytes: [UInt8]) throws(FileError)

  /// Sees to it that what was written outlives a crash of the host, where that can be had.
  func synchronize() throws(FileError)

  /// Ends the reel; reports the first failure there was.
  func close() throws(FileError)
}
