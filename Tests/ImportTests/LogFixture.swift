import CZstd
import FoundationEssentials
import Import
import Trace

/// A log that `tools/lane-logs` made, or a table of perf's beside it.
enum LogFixture {
  private static let directory = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Logs")

  /// The text of `name.txt.zst`.
  static func log(_ name: String) throws -> [UInt8] {
    let stored = try [UInt8](Data(contentsOf: directory.appending(path: "\(name).txt.zst")))
    let size = unsafe stored.withUnsafeBytes {
      unsafe ZSTD_getFrameContentSize($0.baseAddress, $0.count)
    }
    // Safe: zstd writes at most the bytes it is told there are.
    return unsafe [UInt8](unsafeUninitializedCapacity: Int(size)) { output, count in
      count = unsafe ZSTD_decompress(output.baseAddress, Int(size), stored, stored.count)
    }
  }

  /// Samples by name of a table that `perf kvm stat report` printed, and their stated sum.
  static func table(_ name: String) throws -> (samples: [String: UInt64], total: UInt64) {
    let text = try String(
      decoding: Data(contentsOf: directory.appending(path: "\(name).txt")), as: UTF8.self)
    var samples: [String: UInt64] = [:]
    var total: UInt64 = 0
    for line in text.split(separator: "\n") {
      if line.hasPrefix("Total Samples:") {
        total = UInt64(line.dropFirst(14).prefix { $0.isNumber }) ?? 0
      }
      // The name ends where the first number that a percentage follows begins.
      let words = line.split(separator: " ")
      guard let percent = words.firstIndex(where: { $0.hasSuffix("%") }), percent >= 2,
        let count = UInt64(words[percent - 1])
      else { continue }
      samples[words[..<(percent - 1)].joined(separator: " ")] = count
    }
    return (samples, total)
  }
}

extension LogImporter {
  /// The importer after all of a log, fed in portions of so many bytes.
  static func reading(
    _ bytes: [UInt8], portion: Int = 1 << 20, format: LogFormat? = nil, process: UInt32? = nil
  ) -> LogImporter {
    var importer = LogImporter(format: format, process: process)
    var begin = 0
    while begin < bytes.count {
      let end = min(begin + portion, bytes.count)
      importer.feed(bytes.span.extracting(begin..<end))
      begin = end
    }
    importer.finish()
    return importer
  }

  /// The importer after some lines.
  static func reading(_ text: String, format: LogFormat? = nil, process: UInt32? = nil)
    -> LogImporter
  {
    reading(Array(text.utf8), format: format, process: process)
  }
}
