import FoundationEssentials
import ReelFixtures
import Testing
import Trace

extension TestDirectory {
  /// Writes a copy of a reel whose metadata says something else; every checksum is right.
  func alterMetadata(
    of name: String, to copy: String, _ change: (inout Metadata) throws -> Void
  ) throws {
    let bytes = try read(name)
    let reel = try Reel(MemorySource(bytes))
    let old = try JSONDecoder().decode(Metadata.self, from: Data(reel.metadataJSON))
    var new = old
    try change(&new)
    try #require(new != old)
    var encoder = BlockEncoder(pageKey: reel.header.pageKey)
    var copied = reel.header.encoded()
    copied += encoder.block(.metadata, Array(try JSONEncoder().encode(new)))
    for block in reel.blocks.dropFirst()
    where ![.end, .index, .footer].contains(block.header.type) {
      copied += encoder.block(copying: block.header, stored: try reel.storedBytes(of: block))
    }
    if let end = reel.end { copied += encoder.end(end) }
    try write(copied, to: copy)
  }
}

extension TestDirectory {
  /// Writes a copy of a reel with one event changed; every checksum of the file is right.
  func alterEvent(
    _ index: EventIndex, of name: String, to copy: String, _ change: (inout Event) -> Void
  ) throws {
    let bytes = try read(name)
    let reel = try Reel(MemorySource(bytes))
    var encoder = BlockEncoder(pageKey: reel.header.pageKey)
    var copied = reel.header.encoded()
    for block in reel.blocks {
      switch block.header.type {
      case .end, .index, .footer: continue
      case .events where (block.header.firstEvent..<block.header.endEvent).contains(index):
        copied += try alteredBlock(block, of: reel, &encoder) { events in
          change(&events[Int(index - block.header.firstEvent)])
        }
      default:
        copied += encoder.block(copying: block.header, stored: try reel.storedBytes(of: block))
      }
    }
    try write(copied + encoder.end(try #require(reel.end)), to: copy)
  }

  /// Writes a copy of a reel with one keyframe changed; every checksum of the file is right.
  func alterKeyframe(
    _ number: UInt64, of name: String, to copy: String, _ change: (inout Keyframe) throws -> Void
  ) throws {
    let reel = try Reel(MemorySource(try read(name)))
    var encoder = BlockEncoder(pageKey: reel.header.pageKey)
    var copied = reel.header.encoded()
    for block in reel.blocks {
      switch block.header.type {
      case .end, .index, .footer: continue
      case .keyframe where UInt64(block.header.number) == number:
        var keyframe = try reel.keyframe(of: block)
        try change(&keyframe)
        copied += encoder.block(keyframe)
      default:
        copied += encoder.block(copying: block.header, stored: try reel.storedBytes(of: block))
      }
    }
    try write(copied + encoder.end(try #require(reel.end)), to: copy)
  }

  private func alteredBlock(
    _ block: BlockDescriptor, of reel: Reel, _ encoder: inout BlockEncoder,
    _ change: (inout [Event]) -> Void
  ) throws -> [UInt8] {
    let decoded = try reel.events(of: block)
    var events = decoded.events
    let payload = events.flatMap { decoded.payload(of: $0) }
    change(&events)
    return unsafe events.withUnsafeBufferPointer { events in
      unsafe payload.withUnsafeBytes { payload in
        unsafe encoder.block(
          events, payload: payload, firstEvent: block.header.firstEvent,
          firstTime: block.header.firstTime)
      }
    }
  }

  /// The events of a reel.
  func events(of name: String) throws -> [Event] {
    var cursor = EventCursor(try Reel(MemorySource(try read(name))))
    var events: [Event] = []
    while let event = try cursor.next() { events.append(event) }
    return events
  }
}
