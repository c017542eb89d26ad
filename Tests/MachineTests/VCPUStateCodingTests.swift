import Machine
import Testing

@Suite struct VCPUStateCodingTests {
  private var sample: VCPUState {
    var state = VCPUState()
    state.registers.rax = 0x1122_3344_5566_7788
    state.registers.rflags = 0x246
    state.system.segments[3].base = 0xffff_8000_0000_0000
    state.system.segments[7].isUnusable = true
    state.system.gdt.limit = 0x7f
    state.system.apicBase = 0xfee0_0900
    state.floatingPoint = (0..<4096).map { UInt8(truncatingIfNeeded: $0) }
    state.extendedControl = [IndexedRegister(index: 0, value: 1)]
    state.modelSpecific = [IndexedRegister(index: 0x174, value: 9)]
    state.events.interruptVector = 0x20
    state.events.startupVector = 0x1234_5678
    state.debug.addresses[3] = 5
    state.multiprocessingState = 3
    return state
  }

  @Test func aStateSurvivesTheRoundTrip() throws {
    #expect(try VCPUState(entries: sample.entries) == sample)
    #expect(try VCPUState(entries: sample.entries.reversed()) == sample)
  }

  @Test func theLayoutIsFixed() {
    #expect(sample.entries.map(\.bytes.count) == [144, 212, 4096, 13, 13, 24, 48, 4])
    #expect(sample.entries[0].bytes.prefix(8) == [0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11])
  }

  @Test func unknownKindsAreLeftOut() throws {
    let entries = sample.entries + [VCPUStateEntry(kind: 900, version: 4, bytes: [1])]
    #expect(try VCPUState(entries: entries) == sample)
  }

  @Test func everyTruncationIsAnError() {
    for index in sample.entries.indices {
      for count in 0..<min(sample.entries[index].bytes.count, 64) {
        var entries = sample.entries
        entries[index].bytes = Array(entries[index].bytes.prefix(count))
        #expect(throws: VCPUStateCodingError.self) { try VCPUState(entries: entries) }
      }
    }
  }

  @Test func hostileEntriesAreErrors() {
    var entries = sample.entries
    entries[4].bytes = [0xff, 0xff, 0xff, 0xff, 0x0f]
    #expect(throws: VCPUStateCodingError.self) { try VCPUState(entries: entries) }
    entries = sample.entries
    entries[0].version = 2
    #expect(throws: VCPUStateCodingError.unsupportedVersion(.registers, version: 2)) {
      try VCPUState(entries: entries)
    }
    #expect(throws: VCPUStateCodingError.duplicate(.registers)) {
      try VCPUState(entries: sample.entries + [sample.entries[0]])
    }
    #expect(throws: VCPUStateCodingError.missing(.debug)) {
      try VCPUState(entries: sample.entries.filter { $0.kind != 7 })
    }
    entries = sample.entries
    entries[6].bytes.append(0)
    #expect(throws: VCPUStateCodingError.wrongSize(.debug, byteCount: 49)) {
      try VCPUState(entries: entries)
    }
  }
}
