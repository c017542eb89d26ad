import Bytes
import Machine
import ReelFixtures
import Trace

@testable import Replay

/// A reel taken apart into values, to be altered and put together again.
struct EditableReel {
  struct Entry: Equatable {
    var event: Event
    var payload: [UInt8]
    /// The guest's registers at the event, for recomputing the checks.
    var registers: GeneralRegisters
  }

  var entries: [Entry] = []
  var keyframes: [Keyframe] = []
  var end: EndRecord?
  var firstEvent: UInt64 = 0
  private var pageBlocks: [(header: BlockHeader, stored: [UInt8])] = []

  init(_ bytes: [UInt8], registers: [GeneralRegisters]) throws {
    let reel = try Reel(MemorySource(bytes))
    for block in reel.blocks {
      switch block.header.type {
      case .events:
        let decoded = try reel.events(of: block)
        for event in decoded.events {
          entries.append(
            Entry(
              event: event, payload: Array(decoded.payload(of: event)),
              registers: registers[entries.count]))
        }
      case .keyframe: keyframes.append(try reel.keyframe(of: block))
      case .pages: pageBlocks.append((block.header, try reel.storedBytes(of: block)))
      default: break
      }
    }
    end = reel.end
  }

  /// Makes checks and full digests, and the end's count, agree with the events again.
  mutating func seal() {
    var digest = EventDigest()
    for index in entries.indices {
      let entry = entries[index]
      if entry.event.kind.isGuestMade || entry.event.kind.isInput {
        digest.absorb(entry.event)
        if !entry.payload.isEmpty {
          unsafe entry.payload.withUnsafeBytes { unsafe digest.absorb(payload: $0) }
        }
        if entry.event.kind.isGuestMade { digest.absorb(entry.registers, at: entry.event.kind) }
      }
      entries[index].event.check = entry.event.kind.isGuestMade ? digest.check : 0
      entries[index].event.digest = entry.event.digest == 0 ? 0 : digest.running.value
      for place in keyframes.indices where keyframes[place].eventIndex == UInt64(index) {
        keyframes[place].digest = digest.running.value
      }
    }
    end?.eventCount = UInt64(entries.count)
  }

  func encoded(eventsPerBlock: Int = 64) -> [UInt8] {
    var encoder = BlockEncoder(pageKey: MemoryReel.pageKey)
    var bytes = FileHeader(pageKey: MemoryReel.pageKey).encoded()
    bytes += encoder.block(.metadata, Array("{}".utf8))
    for block in pageBlocks { bytes += encoder.block(copying: block.header, stored: block.stored) }
    for keyframe in keyframes { bytes += encoder.block(keyframe) }
    var time: UInt64 = 0
    for start in stride(from: 0, to: entries.count, by: eventsPerBlock) {
      let chunk = entries[start..<min(start + eventsPerBlock, entries.count)]
      let events = chunk.map { entry in
        var event = entry.event
        event.payloadLength = UInt32(entry.payload.count)
        return event
      }
      bytes += encoder.eventBlock(
        events, chunk.flatMap(\.payload), first: firstEvent + UInt64(start), time: time)
      time = events.last?.exitTime ?? time
    }
    if let end { bytes += encoder.end(end) }
    return bytes
  }
}

/// The vCPU state a keyframe holds.
func vcpuState(_ keyframe: Keyframe) throws -> VCPUState? {
  try VCPUState(stateEntries: keyframe.vcpuStates)
}

/// Replaces the vCPU state a keyframe holds.
func setState(_ state: VCPUState, _ keyframe: inout Keyframe) {
  keyframe.vcpuStates = state.stateEntries
}
