internal import Bytes

/// What a page's content is known by: Poly1305 under the reel's random key.
///
/// A hostile guest cannot make two pages of equal identity, since it does not know the key. The
/// page of zeros has the identity zero and is never stored.
public struct PageIdentity: Hashable, Sendable {
  /// Bytes of an identity.
  public static let byteCount = 16
  /// The identity of the page of zeros.
  public static let zeroPage = PageIdentity(low: 0, high: 0)

  /// The first eight bytes of the code, little-endian.
  public var low: UInt64
  /// The next eight.
  public var high: UInt64

  /// Makes an identity from its stored halves.
  public init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  /// The identity of a page's bytes.
  init(of page: UnsafeRawBufferPointer, under hash: Poly1305) {
    guard unsafe !isZero(page) else {
      self = .zeroPage
      return
    }
    (low, high) = unsafe hash.hash(page)
  }

  /// The identity in hex, as `dump` and messages print it: byte 0 first.
  public var name: String {
    [low.byteSwapped, high.byteSwapped].map { half in
      let digits = String(half, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  init(from reader: inout ByteReader) throws(ByteReaderError) {
    low = try reader.read()
    high = try reader.read()
  }

  func append(to writer: inout ByteWriter) {
    writer.append(low)
    writer.append(high)
  }
}

/// Whether memory holds nothing but zeros.
private func isZero(_ page: UnsafeRawBufferPointer) -> Bool {
  var offset = 0
  while offset + 8 <= page.count {
    // Safe: the eight bytes were just found to lie inside the buffer.
    if unsafe page.loadUnaligned(fromByteOffset: offset, as: UInt64.self) != 0 { return false }
    offset += 8
  }
  return true
}

/// The pages of one block: identities, then the pages' bytes in the same order.
///
///     u32 page count
///     16 bytes identity, for each
///     4096 bytes content, for each
public struct PageBlock: Sendable {
  /// Bytes of a page.
  public static let pageSize = 4096
  /// Pages the writer puts in one block: a little over 1 MiB raw.
  public static let pagesPerBlock = 256

  /// The identities, in the order of the pages.
  public let identities: [PageIdentity]
  /// The whole block, as it was encoded.
  private let raw: [UInt8]

  /// Makes a block of pages; `content` holds them one after the other.
  public init(identities: [PageIdentity], content: [UInt8]) {
    self.identities = identities
    var writer = ByteWriter(
      reservingCapacity: Self.listByteCount(identities.count) + content.count)
    writer.append(UInt32(identities.count))
    for identity in identities { identity.append(to: &writer) }
    writer.append(bytes: content)
    raw = writer.bytes
  }

  /// One page's bytes.
  public func page(at index: Int) -> ArraySlice<UInt8> {
    let start = Self.listByteCount(identities.count) + index * Self.pageSize
    return raw[start..<start + Self.pageSize]
  }

  /// The raw bytes of the block.
  public func encoded() -> [UInt8] { raw }

  init(decoding raw: [UInt8], at offset: UInt64) throws(TraceError) {
    do {
      var reader = ByteReader(raw)
      let count: UInt32 = try reader.read()
      guard Self.listByteCount(Int(count)) + Int(count) * Self.pageSize == raw.count else {
        throw TraceError.malformed(offset: offset, what: "page count", nil)
      }
      var identities: [PageIdentity] = []
      identities.reserveCapacity(Int(count))
      for _ in 0..<count { identities.append(try PageIdentity(from: &reader)) }
      self.identities = identities
    } catch let error as TraceError {
      throw error
    } catch {
      throw .malformed(offset: offset, what: "page list", error as? ByteReaderError)
    }
    self.raw = raw
  }

  /// Bytes of the count and the identities before the first page.
  private static func listByteCount(_ count: Int) -> Int { 4 + count * PageIdentity.byteCount }

  /// The index of the first page whose bytes do not match its identity.
  func firstMismatch(under hash: Poly1305) -> Int? {
    identities.indices.first { index in
      unsafe page(at: index).withUnsafeBytes { unsafe PageIdentity(of: $0, under: hash) }
        != identities[index]
    }
  }
}
