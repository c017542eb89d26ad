import Machine
import Testing

/// Checks that state survives encoding, that hostile state is refused, and that nothing traps.
@Suite struct BoardStateTests {
  /// SplitMix64: the tests must make the same accesses every time.
  private struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
      return mixed ^ (mixed >> 31)
    }
  }

  private static let configuration = BoardConfiguration()
  private static let claimedPorts: [UInt16] =
    [0x20, 0x21, 0x40, 0x41, 0x42, 0x43, 0x60, 0x61, 0x64, 0x70, 0x71, 0x80, 0x92, 0xa0, 0xa1]
    + [0xe9, 0xf4, 0x4d0, 0x4d1, 0x604, 0xcf8, 0xcf9, 0xcfc] + Array(0x3f8...0x3ff)

  /// One random thing a run loop could do.
  private static func disturb(
    _ board: inout Board, _ now: inout VirtualTime, _ random: inout Random
  ) {
    now = now.advanced(byNanoseconds: random.next() >> UInt64.random(in: 20...63, using: &random))
    let port =
      random.next() & 7 == 0
      ? UInt16(truncatingIfNeeded: random.next())
      : claimedPorts.randomElement(using: &random) ?? 0
    let width = random.next() & 15 == 0 ? UInt8.random(in: 0...9, using: &random) : 1
    switch random.next() % 16 {
    case 0...7: _ = board.writePort(port, width: width, value: random.next(), at: now)
    case 8...12: _ = board.readPort(port, width: width, at: now)
    case 13: board.receiveSerialInput(UInt8(truncatingIfNeeded: random.next()))
    case 14: _ = board.acknowledgeInterrupt()
    default: board.advance(to: now)
    }
  }

  private static func restored(_ entries: [BoardStateEntry]) throws(BoardStateError) -> Board {
    try Board(configuration: configuration, restoring: entries)
  }

  @Test(arguments: 1...4) func randomAccessNeverTrapsAndStateRoundTrips(seed: UInt64) throws {
    var random = Random(state: seed)
    var board = Board(configuration: Self.configuration)
    var now = VirtualTime.zero
    for step in 0..<25_000 {
      Self.disturb(&board, &now, &random)
      if let deadline = board.nextDeadline(after: now) { #expect(deadline > now) }
      guard step % 50 == 0 else { continue }
      let entries = board.encodeState()
      let copy = try Self.restored(entries.shuffled(using: &random))
      #expect(copy == board)
      #expect(copy.encodeState() == entries)
    }
  }

  @Test func deadlinesInterruptExactlyWhenPromised() {
    // The promise the run loop relies on at HLT: nothing before the deadline, INTR at it.
    var random = Random(state: 99)
    var board = Board(configuration: Self.configuration)
    var now = VirtualTime.zero
    var kept = 0
    for _ in 0..<20_000 {
      Self.disturb(&board, &now, &random)
      board.advance(to: now)
      guard !board.isInterruptPending, let deadline = board.nextDeadline(after: now) else {
        continue
      }
      var early = board
      early.advance(to: VirtualTime(nanoseconds: deadline.nanoseconds - 1))
      #expect(!early.isInterruptPending)
      board.advance(to: deadline)
      #expect(board.isInterruptPending)
      now = deadline
      kept += 1
    }
    #expect(kept > 100, "the walk must meet deadlines, or it shows nothing")
  }

  @Test func advancingInStepsEqualsAdvancingAtOnce() {
    // Devices are functions of time: how often the run loop looks must not matter, but for the
    // interrupts, which collapse; they are masked at reset and all edges stay latched.
    var random = Random(state: 7)
    for _ in 0..<200 {
      var board = Board(configuration: Self.configuration)
      var now = VirtualTime.zero
      for _ in 0..<50 { Self.disturb(&board, &now, &random) }
      board.advance(to: now)
      var stepped = board
      let end = now.advanced(byNanoseconds: 3_000_000_000)
      for step: UInt64 in 1...30 {
        stepped.advance(to: now.advanced(byNanoseconds: step * 100_000_000))
      }
      board.advance(to: end)
      #expect(stepped == board)
    }
  }

  @Test func hostileStateIsRefusedOrHarmless() throws {
    var random = Random(state: 5)
    var board = Board(configuration: Self.configuration)
    var now = VirtualTime.zero
    var accepted = 0
    for _ in 0..<5000 {
      Self.disturb(&board, &now, &random)
      var entries = board.encodeState()
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let entry = Int.random(in: 0..<entries.count, using: &random)
        let byte = Int.random(in: 0..<entries[entry].bytes.count, using: &random)
        entries[entry].bytes[byte] = UInt8(truncatingIfNeeded: random.next())
      }
      guard var hostile = try? Self.restored(entries) else { continue }
      accepted += 1
      #expect(hostile.encodeState() == entries, "an accepted state is canonical")
      var later = now
      for _ in 0..<20 { Self.disturb(&hostile, &later, &random) }
      _ = hostile.nextDeadline(after: later)
    }
    #expect(accepted > 0)
  }

  @Test func errorsNameTheEntry() {
    let good = Board(configuration: Self.configuration).encodeState()
    #expect(good.map(\.kind) == [1, 2, 3, 4, 5])
    #expect(good.map(\.version) == [1, 1, 1, 1, 1])
    #expect(throws: BoardStateError.missing(kind: 5)) { try Self.restored(good.dropLast()) }
    #expect(throws: BoardStateError.duplicate(kind: 1)) { try Self.restored(good + [good[0]]) }
    let stranger = BoardStateEntry(kind: 77, version: 1, bytes: [])
    #expect(throws: BoardStateError.unknown(kind: 77)) { try Self.restored(good + [stranger]) }
    var bad = good
    bad[2].version = 9
    #expect(throws: BoardStateError.unsupported(kind: 3, version: 9)) { try Self.restored(bad) }
    bad = good
    bad[4].bytes.append(0)
    #expect(throws: BoardStateError.malformed(kind: 5, offset: 6)) { try Self.restored(bad) }
    bad[4].bytes = [1, 2]
    #expect(throws: BoardStateError.malformed(kind: 5, offset: 1)) { try Self.restored(bad) }
    bad[4].bytes = [1, 1]
    #expect(throws: BoardStateError.malformed(kind: 5, offset: 2)) { try Self.restored(bad) }
  }
}

extension BoardStateTests {
  private static func restored(_ entries: ArraySlice<BoardStateEntry>) throws(BoardStateError)
    -> Board
  {
    try restored(Array(entries))
  }
}
