import Testing

@testable import Analysis

/// Phases of a recording, and what begins them.
@Suite struct PhaseTrackerTests {
  private func marker(_ name: String, _ trigger: PhaseMarker.Trigger) -> PhaseMarker {
    PhaseMarker(name: name, trigger: trigger)
  }

  private func console(_ name: String, _ text: String) -> PhaseMarker {
    marker(name, .console(Array(text.utf8)))
  }

  private func write(_ port: UInt64, _ value: UInt64, at index: UInt64) -> ExitSample {
    var sample = ExitSample()
    (sample.index, sample.space, sample.isWrite) = (index, .port, true)
    (sample.address, sample.value) = (port, value)
    return sample
  }

  @Test func portsTextsAndEventsBeginPhasesOnce() {
    var tracker = PhaseTracker([
      marker("late", .event(10)), console("init", "Run /init"),
      marker("bios", .port(0x80, value: 0x31)), marker("never", .port(0x81, value: nil)),
    ])
    func phase(_ sample: ExitSample) -> String { tracker.name(tracker.phase(of: sample)) }
    #expect(phase(write(0x80, 0x30, at: 1)) == "start")
    var read = write(0x80, 0x31, at: 2)
    read.isWrite = false
    #expect(phase(read) == "start")
    #expect(phase(write(0x80, 0x31, at: 3)) == "bios")
    for byte in "Run Run /in".utf8 { tracker.note(consoleByte: byte, stream: 1, at: 4) }
    for byte in "it".utf8 { tracker.note(consoleByte: byte, stream: 2, at: 4) }
    #expect(phase(write(1, 1, at: 5)) == "bios", "the rest came on another console")
    for byte in "it".utf8 { tracker.note(consoleByte: byte, stream: 1, at: 6) }
    #expect(phase(write(0x80, 0x31, at: 7)) == "init", "bios begins once")
    #expect(phase(write(1, 1, at: 500)) == "late")
    #expect(tracker.missing.map(\.name) == ["never"])
  }

  @Test func findsTextsThatOverlap() {
    var tracker = PhaseTracker([console("b", "aab"), console("d", "aaaa")])
    for byte in "aaab".utf8 { tracker.note(consoleByte: byte, stream: 1, at: 0) }
    #expect(tracker.name(tracker.current) == "b")
    for byte in "aaaa".utf8 { tracker.note(consoleByte: byte, stream: 1, at: 0) }
    #expect(tracker.name(tracker.current) == "d" && tracker.missing == [])
  }
}
