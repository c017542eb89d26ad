import Bytes
import Glibc
import ReelFixtures
import Testing
import Trace

/// Reads all a reel offers, as the commands do; an error ends the part it belongs to.
func readEverything(_ reel: Reel) {
  for block in reel.blocks {
    switch block.header.type {
    case .events: _ = try? reel.events(of: block)
    case .pages: _ = try? reel.pages(of: block)
    case .keyframe: _ = try? reel.keyframe(of: block)
    case .kernelExits: _ = try? reel.kernelExits(of: block)
    case .hostTotals: _ = try? reel.hostTotals(of: block)
    default: _ = try? reel.rawBytes(of: block)
    }
  }
  var cursor = EventCursor(reel, from: 3)
  var sum = 0
  while true {
    do throws(TraceError) {
      guard let event = try cursor.next() else { break }
      sum &+= cursor.payload(of: event).count &+ event.elementCount
    } catch {
      continue  // The damaged block now lies behind the cursor.
    }
  }
  var kernelExits = KernelExitCursor(reel, from: 3)
  while true {
    do throws(TraceError) {
      guard let exit = try kernelExits.next() else { break }
      sum &+= Int(truncatingIfNeeded: exit.exitTime)
    } catch {
      continue
    }
  }
  for number in reel.keyframeNumbers {
    guard let map = try? reel.pageMap(at: number) else { continue }
    _ = try? reel.forEachPage(of: map) { _, content in sum &+= content.count }
  }
}

@Suite("Hostile reels: every byte string ends in values or a TraceError")
struct HostileReelTests {
  @Test("Sizes beyond 64 MiB are refused from the header alone")
  func sizes() throws {
    let offset = UInt64(reelStart().count)
    let limit = UInt32(BlockHeader.maximumRawSize)
    let claim = RawBlock(type: 9, raw: [], rawSize: limit + 1)
    #expect(
      try open(reelStart() + claim.bytes).tail
        == .damaged(.blockTooLarge(offset: offset, rawSize: UInt64(limit) + 1)))
  }

  @Test(
    "A frame that holds more or less than it states fails; nothing past the stated size is made")
  func bombs() throws {
    let bomb = FrameCompressor().compress([UInt8](repeating: 0, count: 8 << 20))
    let two = FrameCompressor().compress([1]) + FrameCompressor().compress([2])
    let frames: [(stored: [UInt8], rawSize: UInt32)] = [
      (bomb, 100), (bomb, 9 << 20), (bomb, 0), (two, 2), (two, 1), ([], 1), ([1, 2, 3], 3),
    ]
    for frame in frames {
      let reel = try open(
        reelStart() + RawBlock(type: 9, raw: [], rawSize: frame.rawSize, stored: frame.stored).bytes
      )
      #expect(throws: TraceError.decompressionFailed(offset: reel.blocks[1].offset)) {
        try reel.rawBytes(of: reel.blocks[1])
      }
    }
  }

  @Test("Mutations of the file's bytes never trap", arguments: 0..<4)
  func flippedFiles(part: Int) throws {
    var random = SplitMix64(state: 100 + UInt64(part))
    let original = sampleReel()
    for _ in 0..<1000 {
      let bytes = mutated(original, using: &random)
      if let reel = try? open(bytes) { readEverything(reel) }
      readEverything(Reel(salvaging: MemorySource(bytes)))
    }
  }

  @Test(
    "Mutations behind good checksums, so that the decoders see them, never trap", arguments: 0..<8)
  func resealedBlocks(part: Int) throws {
    var random = SplitMix64(state: 200 + UInt64(part))
    let memoryBefore = peakMemoryKiB()
    let reel = try open(sampleReel())
    let blocks = try reel.blocks.map { block in
      var raw = RawBlock(
        type: block.header.type.rawValue, raw: [], firstEvent: block.header.firstEvent,
        eventCount: block.header.eventCount, number: block.header.number,
        firstTime: block.header.firstTime, lastTime: block.header.lastTime)
      let bytes = try block.header.type == .footer ? [] : reel.uncompressedBytes(of: block)
      raw.set(bytes)
      return raw
    }
    let sealed = blocks.map(\.bytes)
    var opened = 0
    for _ in 0..<2000 {
      let victim = Int.random(in: 0..<blocks.count, using: &random)
      var block = blocks[victim]
      if Int.random(in: 0..<4, using: &random) == 0 {
        mutateHeader(of: &block, using: &random)
      } else {
        block.set(mutated(block.stored ?? block.raw, using: &random))
      }
      var parts = sealed
      parts[victim] = block.bytes
      let bytes = FileHeader(pageKey: testPageKey).encoded() + parts.flatMap { $0 }
      guard let reel = try? open(bytes) else { continue }
      opened += 1
      readEverything(reel)
    }
    // Only a victim that hides the metadata keeps a reel from opening: most must get through.
    #expect(opened > 1000)
    // The decoders' own bounds hold: one block is 64 MiB raw at most, and 2²⁰ events of 72 bytes.
    #expect(peakMemoryKiB() - memoryBefore < 1 << 20)
  }

  /// One to four changes: flips, extreme bytes, cuts, insertions, copies within.
  private func mutated(_ bytes: [UInt8], using random: inout SplitMix64) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
      // Half of all changes fall into the first 160 bytes, where the directories are.
      let near = Bool.random(using: &random) ? min(bytes.count, 160) : bytes.count
      let place = Int.random(in: 0..<near, using: &random)
      switch Int.random(in: 0..<8, using: &random) {
      case 0...2: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 3: bytes[place] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &random) ?? 0
      case 4:
        for index in place..<min(place + 9, bytes.count) { bytes[index] = 0xff }
      case 5: bytes.removeSubrange(place..<min(place + 3, bytes.count))
      case 6: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
      default:
        let from = Int.random(in: 0..<bytes.count, using: &random)
        let length = min(8, bytes.count - max(from, place))
        bytes.replaceSubrange(place..<place + length, with: bytes[from..<from + length])
      }
    }
    return bytes
  }

  /// A header field at random or at an extreme.
  private func mutateHeader(of block: inout RawBlock, using random: inout SplitMix64) {
    let extreme =
      [0, 1, 0x7fff_ffff, 0xffff_ffff, UInt64.max - 1, .max, random.next() % 200]
      .randomElement(using: &random) ?? 0
    switch Int.random(in: 0..<6, using: &random) {
    case 0: block.type = UInt16.random(in: 0...10, using: &random)
    case 1: block.firstEvent = extreme
    case 2: block.eventCount = UInt32(truncatingIfNeeded: extreme)
    case 3: block.firstTime = extreme
    case 4: block.rawSize = UInt32(truncatingIfNeeded: extreme)
    default: block.eventCount = UInt32.random(in: 0...(1 << 20), using: &random)
    }
  }

  /// The process's peak so far; other tests run beside this one, so it is an upper bound.
  private func peakMemoryKiB() -> Int {
    var usage = rusage()
    unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss
  }
}

extension RawBlock {
  /// Gives a block contents: as columns that are not compressed, or as what a frame holds.
  fileprivate mutating func set(_ bytes: [UInt8]) {
    if [2, 6, 9].contains(type) {
      (stored, rawSize) = (bytes, UInt32(bytes.count))
    } else {
      raw = bytes
    }
  }
}
