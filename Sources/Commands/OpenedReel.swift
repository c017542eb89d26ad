internal import FoundationEssentials
internal import Trace
internal import TraceIO

/// A reel opened for a command, with its metadata decoded.
struct OpenedReel {
  var path: String
  var reel: Reel
  var metadata: Metadata

  /// Opens a reel; says on standard error when it is partial, damaged or, unless that is said
  /// otherwise, stripped.
  ///
  /// - Parameter notesEnd: whether to say how a reel without its end is.
  /// - Throws: ``CommandFailure`` naming the path when it cannot be read.
  init(path: String, notesStripping: Bool = true, notesEnd: Bool = true) throws {
    self.path = path
    do {
      reel = try Reel(try ReelFile(path: path))
    } catch let error as FileError {
      throw CommandFailure(error.description)
    } catch let error as TraceError {
      throw CommandFailure("\(path): \(error.description)")
    }
    do {
      metadata = try JSONDecoder().decode(Metadata.self, from: Data(reel.metadataJSON))
    } catch {
      throw CommandFailure("\(path): the metadata block is not what vmreel writes: \(error)")
    }
    if notesStripping, let note = strippingNote {
      StandardError.note("note: \(path) is stripped: \(note)")
    }
    if let error = reel.indexError {
      StandardError.note(
        "note: \(path): its index cannot be used, so its blocks were walked: \(error.description)")
    }
    if notesEnd { noteEnd() }
  }

  private func noteEnd() {
    switch reel.tail {
    case .whole where reel.end?.reason == .recovered:
      StandardError.note("note: \(path) was recovered: the recording went on behind its last event")
    case .whole: break
    case .partial(let offset):
      StandardError.note(
        "note: \(path) is partial: it ends at offset \(offset) without its end record")
    case .damaged(let error):
      StandardError.note("note: \(path): \(error.description); what follows was not read")
    }
  }

  /// What the reel lacks because it was stripped.
  var strippedParts: StrippedParts {
    var parts = metadata.strippedParts
    if !reel.header.hasPages { parts.insert(.pages) }
    if !reel.header.hasConsole { parts.insert(.console) }
    return parts
  }

  /// Whether the reel holds all that a replay needs.
  var isReplayable: Bool { strippedParts.isDisjoint(with: [.pages, .console]) }

  /// What stripping left out of the reel, for whoever reads it; `nil` when nothing.
  private var strippingNote: String? {
    let parts = strippedParts
    var notes: [String] = []
    if parts.contains(.console) {
      notes.append("what went through its consoles reads as zeros and there are no digests")
    }
    if parts.contains(.times) { notes.append("it has no host times") }
    if parts.contains(.pages) {
      notes.append("without the guest's memory it can be read, not replayed")
    }
    return notes.isEmpty ? nil : notes.joined(separator: "; ")
  }

  /// Refuses a reel without events, which an import makes.
  ///
  /// - Parameter what: what the command would do with them: `replay`.
  /// - Throws: ``CommandFailure``.
  func requireRecording(to what: String) throws {
    guard isImported else { return }
    throw CommandFailure(
      "\(path) was imported from a log, so it holds no recording to \(what); info, stats, "
        + "verify and dump --kernel-exits read what it has")
  }

  /// Whether the reel was made of a log, and holds kernel exits only.
  var isImported: Bool { metadata.imported != nil || metadata.guest.kind == "imported" }

  /// Refuses a reel that was stripped of what a replay needs.
  ///
  /// - Throws: ``CommandFailure``.
  func requireReplayable() throws {
    try requireRecording(to: "replay")
    guard reel.header.hasConsole else {
      throw CommandFailure("\(path): \(TraceError.consoleStripped.description)")
    }
    guard reel.header.hasPages else {
      throw CommandFailure("\(path): \(TraceError.pagesStripped.description)")
    }
  }

  /// Ends a command that has done what it could with an incomplete reel.
  ///
  /// - Throws: ``ExitStatus/trouble`` when the reel is partial or damaged; opening it said where.
  func requireWhole() throws {
    if reel.tail != .whole { throw ExitStatus.trouble }
  }

  /// Runs the part of a command that reads the reel, naming the path in its failures.
  ///
  /// - Parameter hint: what to do about a damaged block.
  func reading<Result>(
    hint: String? = nil, _ body: (Reel) throws -> Result
  ) throws -> Result {
    do {
      return try body(reel)
    } catch let error as TraceError {
      throw CommandFailure("\(path): \(error.description)" + (hint.map { "; \($0)" } ?? ""))
    }
  }
}

/// JSON as vmreel prints and stores it: sorted keys, no escaped slashes, deterministic.
enum JSONText {
  static func encode(_ value: some Encodable, pretty: Bool) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting =
      pretty
      ? [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
      : [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(value))
  }
}
