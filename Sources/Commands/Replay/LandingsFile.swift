internal import Analysis
internal import FoundationEssentials
internal import Glibc
internal import Trace

/// Where the sealed segments of a reel end, kept beside it from one replay to the next.
///
/// A JSON object: the reel's page key, which no other reel has, and stops by keyframe number.
struct LandingsFile {
  private struct Content: Codable {
    var reel: String
    var landings: [String: UInt64]
  }

  private let path: String
  private let key: String
  /// What earlier replays stored: stops by keyframe number.
  let landings: [UInt64: UInt64]

  /// Reads the file, if there is one.
  ///
  /// - Throws: ``CommandFailure`` when it cannot be read, or belongs to another reel.
  init(path: String, reel: Reel) throws {
    self.path = path
    key = HexBytes.text(of: reel.header.pageKey)
    guard unsafe access(path, F_OK) == 0 else {
      landings = [:]
      return
    }
    let bytes = try InputFile.read(path)
    guard let content = try? JSONDecoder().decode(Content.self, from: Data(bytes)) else {
      throw CommandFailure("\(path) does not hold landings; name another file with --landings")
    }
    guard content.reel == key else {
      throw CommandFailure(
        "\(path) holds the landings of another reel; name another file with --landings")
    }
    landings = Dictionary(
      content.landings.compactMap { entry in UInt64(entry.key).map { ($0, entry.value) } },
      uniquingKeysWith: { first, _ in first })
  }

  /// Writes what was there and what a replay found, when that is more.
  func save(_ found: [UInt64: UInt64]) throws {
    let all = landings.merging(found) { _, new in new }
    guard all != landings else { return }
    let content = Content(
      reel: key,
      landings: Dictionary(uniqueKeysWithValues: all.map { (String($0.key), $0.value) }))
    do {
      try Data(JSONText.encode(content, pretty: true)).write(
        to: URL(filePath: path), options: .atomic)
    } catch {
      // Safe: nobody else has the error.
      let underlying =
        unsafe (error as? CocoaError)?.userInfo["NSUnderlyingError"] as? POSIXError
      let reason = underlying.map { unsafe String(cString: strerror($0.code.rawValue)) }
      throw CommandFailure(
        "cannot write \(path): \(reason ?? "\(error)"); choose another place with --landings")
    }
  }
}
