import Bytes
import Testing
import Trace

@Suite("Pages and keyframes: each content stored once, each map resolvable")
struct KeyframeTests {
  /// A reel of keyframes 0…n, each with the pages given.
  private func reel(_ captures: [[(page: UInt32, fill: UInt8)]]) throws -> Reel {
    var encoder = BlockEncoder(pageKey: testPageKey)
    var bytes = reelStart()
    for (number, pages) in captures.enumerated() {
      bytes += encoder.blocks(of: capture(UInt64(number), pages))
    }
    return try open(bytes)
  }

  private func storedPages(_ reel: Reel) throws -> [PageIdentity] {
    try reel.blocks.filter { $0.header.type == .pages }.flatMap {
      try reel.pages(of: $0).identities
    }
  }

  @Test("A keyframe comes back with its states, digest and numbers")
  func fields() throws {
    let reel = try reel([[(3, 1)], [(4, 2)]])
    #expect(reel.keyframeNumbers == [0, 1])
    let keyframe = try reel.keyframe(1)
    let original = capture(1, []).keyframe
    #expect(keyframe.vcpuStates == original.vcpuStates)
    #expect(keyframe.boardStates == original.boardStates)
    #expect(keyframe.digest == original.digest)
    #expect(keyframe.eventIndex == original.eventIndex)
    #expect(keyframe.guestMadeExits == original.guestMadeExits)
    #expect(keyframe.virtualTime == original.virtualTime)
    #expect(keyframe.kind == .seal)
    #expect(keyframe.parent == 0 && !keyframe.isFullMap)
    #expect(try reel.keyframe(0).parent == nil)
    #expect(throws: TraceError.missing(what: "keyframe 2")) { try reel.keyframe(2) }
  }

  @Test("Zero pages are never stored, equal pages once, across keyframes")
  func deduplication() throws {
    let reel = try reel([
      [(0, 0), (1, 5), (2, 5), (3, 6)],
      [(1, 6), (2, 0), (9, 5)],
      [(1, 5), (3, 6)],
    ])
    let stored = try storedPages(reel)
    #expect(stored.count == 2 && Set(stored).count == 2)
    #expect(!stored.contains(.zeroPage))
    // A page set back to its old content is in the map, one that did not change is not.
    #expect(try reel.keyframe(2).pages.map(\.page) == [1])
  }

  @Test("A map resolves through its parents to exactly what memory held")
  func resolution() throws {
    var random = SplitMix64(state: 3)
    var memory: [UInt32: UInt8] = [:]
    var captures: [[(page: UInt32, fill: UInt8)]] = []
    var snapshots: [[UInt32: UInt8]] = []
    for _ in 0..<20 {
      let pages = Set((0..<6).map { _ in UInt32.random(in: 0..<40, using: &random) }).sorted()
      let changes = pages.map { (page: $0, fill: UInt8.random(in: 0..<4, using: &random)) }
      for change in changes { memory[change.page] = change.fill }
      captures.append(changes)
      snapshots.append(memory.filter { $0.value != 0 })
    }
    let reel = try reel(captures)
    for (number, snapshot) in snapshots.enumerated() {
      let map = try reel.pageMap(at: UInt64(number))
      // By page number through `page`, and all at once through `forEachPage`.
      #expect(try map.mapValues { try reel.page($0)[4095] } == snapshot)
      var restored: [UInt32: UInt8] = [:]
      try reel.forEachPage(of: map) { restored[$0] = $1.first }
      #expect(restored == snapshot)
    }
  }

  @Test("A full map comes every 64 keyframes, so that a chain is never longer")
  func fullMaps() throws {
    let reel = try reel((0..<130).map { [(page: UInt32($0 % 7), fill: UInt8($0 % 5))] })
    let full = try reel.keyframeNumbers.filter { try reel.keyframe($0).isFullMap }
    #expect(full == [0, 64, 128])
    #expect(try reel.keyframe(64).parent == nil)
    #expect(try reel.keyframe(63).parent == 62)
    #expect(throws: Never.self) { try reel.pageMap(at: 127) }
  }

  @Test("More pages than a block holds go into several blocks, in file order before the keyframe")
  func manyPages() throws {
    let count = UInt32(PageBlock.pagesPerBlock + 3)
    let pages = Array(0..<count)
    let content = pages.flatMap { number in
      [UInt8(truncatingIfNeeded: number + 1), UInt8(number >> 8)]
        + [UInt8](repeating: 7, count: 4094)
    }
    let taken = KeyframeCapture(
      keyframe: capture(0, []).keyframe, pages: pages, content: content)
    var encoder = BlockEncoder(pageKey: testPageKey)
    let reel = try open(reelStart() + encoder.blocks(of: taken))
    #expect(reel.blocks.map(\.header.type) == [.metadata, .pages, .pages, .keyframe])
    var seen: [UInt32] = []
    try reel.forEachPage(of: try reel.pageMap(at: 0)) { page, content in
      seen.append(page)
      if content.first != UInt8(truncatingIfNeeded: page + 1) { Issue.record("page \(page)") }
    }
    #expect(seen.sorted() == pages)
  }

  @Test("An identity is the Poly1305 under the reel's key; the zero page's is zero")
  func identities() throws {
    let reel = try reel([])
    // Poly1305 of 4096 bytes 0x01 under key 01…10, from a transcription of the RFC to Python.
    let identity = unsafe page(of: 1).withUnsafeBytes { unsafe reel.identity(of: $0) }
    #expect(identity.name == "cb93fd089766fc08ffd8d847b9a6e248")
    #expect(unsafe page(of: 0).withUnsafeBytes { unsafe reel.identity(of: $0) } == .zeroPage)
  }

  // MARK: - Hostile keyframes and pages

  private func block(_ keyframe: Keyframe) -> [UInt8] {
    RawBlock(
      type: 4, raw: keyframe.encoded(), firstEvent: keyframe.eventIndex,
      number: UInt32(keyframe.number)
    ).bytes
  }

  private func keyframe(_ number: UInt64, parent: UInt64?) -> Keyframe {
    var keyframe = capture(number, []).keyframe
    keyframe.parent = parent
    return keyframe
  }

  @Test("Chains that loop, dangle or never reach a full map are refused")
  func chains() throws {
    let loop = try open(
      reelStart() + block(keyframe(1, parent: 2)) + block(keyframe(2, parent: 1))
        + block(keyframe(3, parent: 3)) + block(keyframe(4, parent: nil)))
    for number in [1, 2, 3, 4] as [UInt64] {
      #expect(throws: TraceError.self) { try loop.pageMap(at: number) }
    }
    var base = keyframe(0, parent: nil)
    base.isFullMap = true
    let long = try open(
      reelStart() + block(base) + (1...70).flatMap { block(keyframe($0, parent: $0 - 1)) })
    #expect(try long.pageMap(at: 63).isEmpty)
    #expect(throws: TraceError.missing(what: "full page map behind keyframe 64")) {
      try long.pageMap(at: 64)
    }
  }

  @Test("Page numbers that repeat or overflow are refused")
  func pageOrder() throws {
    var repeated = keyframe(0, parent: nil)
    repeated.pages = [1, 1].map { MappedPage(page: $0, content: .zero) }
    var descending = keyframe(0, parent: nil)
    descending.pages = [2, 1].map { MappedPage(page: $0, content: .zero) }
    for hostile in [repeated, descending] {
      let reel = try open(reelStart() + block(hostile))
      #expect(throws: TraceError.self) { try reel.keyframe(of: reel.blocks[1]) }
    }
    var largest = keyframe(0, parent: nil)
    largest.pages = [0, .max].map { MappedPage(page: $0, content: .zero) }
    let reel = try open(reelStart() + block(largest))
    #expect(try reel.keyframe(of: reel.blocks[1]).pages == largest.pages)
  }

  @Test("A count of state entries beyond the limit is refused before they are made")
  func stateEntries() throws {
    var raw = keyframe(0, parent: nil).encoded()
    // Cut the state lists off (two counts, one entry each) and claim 2²⁴ empty entries.
    raw.removeLast(1 + 3 + 4 + 1 + 4)
    raw += [0x80, 0x80, 0x80, 0x08] + [UInt8](repeating: 0, count: 64 << 20 - 128)
    let reel = try open(reelStart() + RawBlock(type: 4, raw: raw).bytes)
    #expect {
      try reel.keyframe(of: reel.blocks[1])
    } throws: {
      guard case TraceError.malformed(_, _, .outOfBounds(_, 1 << 24, 1 << 16)?) = $0 else {
        return false
      }
      return true
    }
  }

  @Test("A stored page that does not match its identity is refused, and so is a missing one")
  func wrongPages() throws {
    let page = StoredPage(PageIdentity(low: 1, high: 2), ordinal: 7)
    let block = PageBlock(identities: [page.identity], content: TraceTests.page(of: 9))
    let stored = RawBlock(type: 3, raw: block.encoded(), firstEvent: 7, eventCount: 1)
    let reel = try open(reelStart() + stored.bytes)
    #expect(throws: TraceError.pageDamaged(offset: UInt64(reelStart().count), page: 0)) {
      try reel.page(page)
    }
    for ordinal in [6, 8] as [UInt64] {
      let absent = StoredPage(page.identity, ordinal: ordinal)
      let error = TraceError.missing(what: "page \(absent.identity.name)")
      #expect(throws: error) { try reel.page(absent) }
      #expect(throws: error) { try reel.forEachPage(of: [0: absent]) { _, _ in } }
    }
  }
}
