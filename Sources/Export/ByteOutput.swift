/// The bytes of an export on their way out: appended to, and handed on in chunks.
public struct ByteOutput {
  /// Bytes after which a chunk is handed on.
  public static let chunkSize = 256 << 10

  /// Takes a chunk; what it throws ends the export.
  public typealias Sink = ([UInt8]) throws -> Void

  /// What has not been handed on yet; reused, so that an event allocates nothing.
  var bytes: [UInt8] = []
  private let sink: Sink

  /// Makes an output whose chunks a closure takes.
  public init(_ sink: @escaping Sink) {
    self.sink = sink
    bytes.reserveCapacity(Self.chunkSize * 2)
  }

  /// Hands on what there is when it makes a chunk; called after each whole record.
  mutating func handOnIfFull() throws {
    if bytes.count >= Self.chunkSize { try handOn() }
  }

  /// Hands on what there is.
  mutating func handOn() throws {
    guard !bytes.isEmpty else { return }
    try sink(bytes)
    bytes.removeAll(keepingCapacity: true)
  }
}
