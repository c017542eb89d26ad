internal import Bytes

/// The first 64 bytes of a reel, readable alone.
///
///     0  8  magic 89 'v' 'm' 'r' 'e' 'e' 'l' 0a
///     8  2  format major        10  2  format minor
///     12 4  header size (64)
///     16 8  required reader features   24 8  flags (0)
///     32 16 page key            48  8  reserved (0)
///     56 8  checksum: CRC-32 of bytes 0–55
public struct FileHeader: Equatable, Sendable {
  /// Bytes of the header.
  public static let byteCount = 64
  /// The format this version writes: major.
  public static let currentMajor: UInt16 = 1
  /// The format this version writes: minor.
  public static let currentMinor: UInt16 = 0
  /// The minor version of format 0 that this version reads: the candidate, 1.0 but for the number.
  public static let candidateMinor: UInt16 = 12
  /// A required feature: the reel holds no guest memory, and its keyframes' maps list no page.
  public static let pagesStripped: UInt64 = 1
  /// A required feature: what the guest wrote to its consoles and read from them is zeros, and
  /// nothing is left that a guess of it could be held to (``StrippedParts/console``).
  public static let consoleStripped: UInt64 = 2
  /// The reader features this version knows.
  public static let knownFeatures: UInt64 = pagesStripped | consoleStripped

  static let magic: [UInt8] = [0x89] + Array("vmreel".utf8) + [0x0a]

  /// Format major; a reader refuses one it does not know.
  public var major = currentMajor
  /// Format minor; a reader accepts any, but of format 0 only the candidate.
  public var minor = currentMinor
  /// Features a reader must have; unknown bits are refused.
  public var requiredFeatures: UInt64 = 0
  /// The 16-byte random key of this reel's page identities.
  public var pageKey: [UInt8]

  /// Whether the reel holds guest memory, so that a keyframe can be restored.
  public var hasPages: Bool { requiredFeatures & Self.pagesStripped == 0 }

  /// Whether the reel holds what went through the guest's consoles, and digests.
  public var hasConsole: Bool { requiredFeatures & Self.consoleStripped == 0 }

  /// Makes the header of a new reel.
  public init(pageKey: [UInt8]) {
    self.pageKey = pageKey
  }

  /// The 64 bytes.
  public func encoded() -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: Self.byteCount)
    writer.append(bytes: Self.magic)
    writer.append(major)
    writer.append(minor)
    writer.append(UInt32(Self.byteCount))
    writer.append(requiredFeatures)
    writer.append(UInt64(0))
    writer.append(bytes: pageKey)
    writer.append(UInt64(0))
    writer.append(UInt64(CRC32.checksum(writer.bytes)))
    return writer.bytes
  }

  /// Reads and checks a header.
  ///
  /// - Throws: `notAReel`, `headerTruncated`, `headerDamaged`, `unsupportedVersion` or
  ///   `unsupportedFeatures`.
  public init(decoding bytes: [UInt8]) throws(TraceError) {
    guard bytes.count >= 8, Array(bytes.prefix(8)) == Self.magic else { throw .notAReel }
    guard bytes.count >= Self.byteCount else {
      throw .headerTruncated(byteCount: UInt64(bytes.count))
    }
    do {
      var reader = ByteReader(bytes)
      _ = try reader.readBytes(8)
      major = try reader.read()
      minor = try reader.read()
      _ = try reader.read(UInt32.self)
      requiredFeatures = try reader.read()
      _ = try reader.read(UInt64.self)
      pageKey = Array(try reader.readBytes(16))
      _ = try reader.read(UInt64.self)
      let checksum: UInt64 = try reader.read()
      guard checksum == UInt64(CRC32.checksum(Array(bytes.prefix(56)))) else {
        throw TraceError.headerDamaged
      }
    } catch let error as TraceError {
      throw error
    } catch {
      throw .headerDamaged
    }
    let isCandidate = (major, minor) == (0, Self.candidateMinor)
    guard major == Self.currentMajor || isCandidate else {
      throw .unsupportedVersion(major: major, minor: minor)
    }
    let unknown = requiredFeatures & ~Self.knownFeatures
    guard unknown == 0 else { throw .unsupportedFeatures(bits: unknown) }
  }
}
