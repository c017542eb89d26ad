public import Trace

/// What `info` says of a reel.
public struct ReelSummary: Codable, Equatable, Sendable {
  /// The schema of the Codable form.
  public static let schemaName = "vmreel.info/1"
  /// What everybody who passes a reel on should know.
  public static let secrecyNote =
    "a reel contains the guest's memory and input, which may hold secrets"
  /// The same for a stripped reel.
  public static let strippedNote =
    "without the guest's memory; its console, input and registers may hold secrets all the same"
  /// The same for one that was stripped of its consoles' text too.
  public static let silentNote =
    "without the guest's memory and console text; which exits it made and its other input may tell "
    + "of secrets all the same"

  /// ``schemaName``.
  public var schema = Self.schemaName
  /// ``secrecyNote`` or ``strippedNote``.
  public var note: String
  /// The format, `major.minor`.
  public var format: String
  /// The file's size in bytes.
  public var byteCount: UInt64
  /// Blocks per type, in the order of the types' numbers.
  public var blocks: [BlockCount] = []
  /// Events.
  public var events: UInt64
  /// Exits, guest-made and host-made.
  public var exits: UInt64
  /// Guest-made exits.
  public var guestMadeExits: UInt64
  /// Keyframes per kind.
  public var keyframes: [String: UInt64]
  /// Keyframes that could not be read.
  public var unreadableKeyframes: UInt64
  /// Whether the guest's memory was stripped from the reel, so that it cannot be replayed.
  public var isStripped: Bool
  /// Distinct pages stored.
  public var storedPages: UInt64 = 0
  /// Bytes of the file for each guest-made exit, keyframes and pages included.
  public var bytesPerExit: Double
  /// Bytes of the event blocks, headers included, for each guest-made exit.
  public var eventBytesPerExit: Double = 0
  /// What each column takes of the event blocks.
  public var columns: [ColumnShare] = []
  /// Bytes of all blocks before compression for each byte after, headers left out.
  public var compressionRatio: Double = 0
  /// What the reel tells of the guest and its run.
  public var contents: ReelContents
  /// Whether the file has an index of its blocks.
  public var hasIndex = false
  /// Whether its last 64 bytes say where the index is.
  public var hasFooter = false
  /// Why the index that is there was not used.
  public var indexError: String?
  /// Host time of the recording, in nanoseconds.
  public var durationNanoseconds: UInt64
  /// The guest's clock at the end, in nanoseconds.
  public var virtualTimeNanoseconds: UInt64
  /// How the reel ends.
  public var ending: ReelEnding
  /// Events in damaged blocks, which the numbers leave out.
  public var lostEvents: UInt64
  /// What the reel knows of the exits its kernel saw.
  public var kernelExits: KernelExitSource
  /// What the reel says about itself; `nil` when that could not be read.
  public var metadata: Metadata?

  /// Summarises a reel; a damaged block is left out and counted, never thrown.
  ///
  /// - Parameter metadata: the decoded ``Reel/metadataJSON``.
  public init(_ reel: Reel, metadata: Metadata?) {
    format = "\(reel.header.major).\(reel.header.minor)"
    isStripped = !reel.header.hasPages
    note =
      !reel.header.hasConsole
      ? Self.silentNote : isStripped ? Self.strippedNote : Self.secrecyNote
    byteCount = reel.byteCount
    let census = KeyframeCensus(reel)
    keyframes = census.byKind
    unreadableKeyframes = census.unreadable
    let counts = EventCounts(
      reel, ReelContents(reel, metadata: metadata, registers: census.hasRegisters))
    contents = counts.contents
    // Stripped text reads as zeros.
    if !reel.header.hasConsole { contents.consoleOutput = false }
    events = counts.events
    exits = counts.exits
    guestMadeExits = counts.guestMade
    lostEvents = counts.lost
    bytesPerExit = Self.ratio(reel.byteCount, counts.guestMade)
    durationNanoseconds =
      reel.end?.durationNanoseconds ?? reel.eventBlocks.last?.header.lastTime ?? 0
    virtualTimeNanoseconds = reel.end?.virtualTime ?? census.lastVirtualTime
    ending = ReelEnding(reel)
    kernelExits = KernelExitSource(reel)
    self.metadata = metadata
    blocks = BlockCount.counts(of: reel)
    storedPages = Self.storedPages(of: reel)
    let eventBytes = reel.eventBlocks.reduce(0) {
      $0 &+ UInt64($1.header.storedSize) &+ UInt64(BlockHeader.byteCount)
    }
    eventBytesPerExit = Self.ratio(eventBytes, guestMadeExits)
    columns = ColumnShare.shares(of: reel)
    compressionRatio = Self.ratio(
      blocks.reduce(0) { $0 &+ $1.rawBytes }, blocks.reduce(0) { $0 &+ $1.storedBytes })
    hasIndex = reel.blocks.contains { $0.header.type == .index }
    hasFooter = reel.blocks.contains { $0.header.type == .footer }
    indexError = reel.indexError?.description
  }

  /// How many there are for each; 0 when there is none to divide by.
  private static func ratio(_ many: UInt64, _ each: UInt64) -> Double {
    each == 0 ? 0 : Double(many) / Double(each)
  }

  /// The page count follows from a page block's raw size: 4 bytes, then 16 + 4096 for each.
  private static func storedPages(of reel: Reel) -> UInt64 {
    reel.blocks.reduce(0) { sum, block in
      guard block.header.type == .pages else { return sum }
      let each = UInt64(PageIdentity.byteCount + PageBlock.pageSize)
      return sum &+ UInt64(block.header.rawSize) / each
    }
  }
}

/// The blocks of one type.
public struct BlockCount: Codable, Equatable, Sendable {
  /// The type's name, or `type-N`.
  public var type: String
  /// How many there are.
  public var count: UInt64 = 0
  /// Their bytes in the file, headers left out.
  public var storedBytes: UInt64 = 0
  /// Their bytes before compression.
  public var rawBytes: UInt64 = 0

  /// Raw bytes for each stored byte.
  public var compressionRatio: Double {
    storedBytes == 0 ? 0 : Double(rawBytes) / Double(storedBytes)
  }

  static func counts(of reel: Reel) -> [BlockCount] {
    var counts: [UInt16: BlockCount] = [:]
    for block in reel.blocks {
      let header = block.header
      var count = counts[header.type.rawValue] ?? BlockCount(type: header.type.name)
      count.count += 1
      count.storedBytes += UInt64(header.storedSize)
      count.rawBytes += UInt64(header.rawSize)
      counts[header.type.rawValue] = count
    }
    return counts.sorted { $0.key < $1.key }.map(\.value)
  }
}

/// The events of a reel by what made them, damaged blocks skipped.
private struct EventCounts {
  var events: UInt64 = 0
  var exits: UInt64 = 0
  var guestMade: UInt64 = 0
  var lost: UInt64 = 0
  var contents: ReelContents

  init(_ reel: Reel, _ contents: ReelContents) {
    self.contents = contents
    var cursor = EventCursor(reel)
    while true {
      do throws(TraceError) {
        guard let event = try cursor.next() else { break }
        events += 1
        if event.kind.isExit { exits += 1 }
        if event.kind.isGuestMade { guestMade += 1 }
        self.contents.note(event)
      } catch {
        continue
      }
    }
    lost = cursor.skippedEvents
  }
}
