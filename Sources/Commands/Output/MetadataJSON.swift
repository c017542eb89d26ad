internal import FoundationEssentials
internal import Trace

/// A reel's metadata as JSON, keys of later versions included.
enum MetadataJSON {
  /// The same metadata with an entry added to its history.
  ///
  /// - Throws: what the decoder throws when the metadata is no JSON object.
  static func adding(_ entry: Metadata.HistoryEntry, to json: [UInt8]) throws -> [UInt8] {
    let decoder = JSONDecoder()
    var object = try decoder.decode([String: JSONValue].self, from: Data(json))
    var history: [JSONValue] = []
    if case .array(let earlier) = object["history"] { history = earlier }
    let encoded = try JSONText.encode(entry, pretty: false)
    history.append(try decoder.decode(JSONValue.self, from: Data(encoded)))
    object["history"] = .array(history)
    return try JSONText.encode(object, pretty: false)
  }
}
