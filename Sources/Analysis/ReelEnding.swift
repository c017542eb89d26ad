public import Trace

/// How a reel ends.
public struct ReelEnding: Codable, Equatable, Sendable {
  /// `whole`, `partial` or `damaged`.
  public var tail: String
  /// Where a partial or damaged reel stops being readable, in bytes.
  public var offset: UInt64?
  /// What is wrong with a damaged tail.
  public var damage: String?
  /// Why the recording ended, when the reel has its end record.
  public var reason: String?
  /// The reason's detail: the guest's status, the signal or the suberror.
  public var detail: UInt64?

  /// Takes the ending of a reel.
  public init(_ reel: Reel) {
    switch reel.tail {
    case .whole: tail = "whole"
    case .partial(let offset):
      tail = "partial"
      self.offset = offset
    case .damaged(let error):
      tail = "damaged"
      offset = error.offset
      damage = error.description
    }
    reason = reel.end?.reason.name
    detail = reel.end.flatMap { $0.reason.hasDetail ? $0.detail : nil }
  }

  /// The ending in words: `debug exit (0)`, or what is missing.
  public var description: String {
    if let reason { return reason + (detail.map { " (\($0))" } ?? "") }
    return switch tail {
    case "damaged": "damaged: \(damage ?? "unknown")"
    default: "no end record: the recorder was stopped or the file was cut"
    }
  }
}

extension TraceError {
  /// The offset in the file the error names, in bytes; 0 for errors of the file header.
  public var offset: UInt64 {
    switch self {
    case .notAReel, .headerTruncated, .headerDamaged, .unsupportedVersion, .unsupportedFeatures,
      .missing, .pagesStripped, .consoleStripped:
      0
    case .blockHeaderDamaged(let offset), .blockTruncated(let offset), .blockDamaged(let offset),
      .blockTooLarge(let offset, _), .decompressionFailed(let offset),
      .malformed(let offset, _, _), .unknownRequiredColumn(let offset, _),
      .pageDamaged(let offset, _), .unreadable(let offset, _):
      offset
    }
  }
}
