import Import
import Testing
import Trace

@Suite struct LogImporterTests {
  private func lines(_ thread: Int, _ vcpu: Int, from time: Int = 0) -> String {
    """
    q \(thread) [000] 1.00000\(time): kvm:kvm_entry: vcpu \(vcpu), rip 0x1
    q \(thread) [000] 1.00000\(time + 1): kvm:kvm_exit: vcpu \(vcpu) reason HLT rip 0x1 info1 0x0

    """
  }

  @Test("Two machines with a vCPU 0 each get numbers of their own, and a process can be chosen")
  func machines() {
    let log = lines(10, 0) + lines(20, 0, from: 2) + lines(11, 1, from: 4)
    let importer = LogImporter.reading(log)
    #expect(importer.vcpus.map(\.thread) == [10, 11, 20])
    #expect(importer.vcpus.map(\.number) == [0, 1, 2])
    #expect(importer.vcpus.map(\.logNumber) == [0, 1, 0])
    #expect(importer.vcpus.map(\.command) == ["q", "q", "q"])
    let chosen = LogImporter.reading(log, process: 20)
    #expect(chosen.vcpus.map(\.thread) == [20])
    #expect(chosen.vcpus.map(\.number) == [0])
    #expect(chosen.summary.leftOut == 4)
  }

  @Test(
    "Losses are counted, and nothing is paired across them",
    arguments: [
      ("CPU:3 [LOST 12 EVENTS]", UInt64(12)), ("CPU:3 [LOST EVENTS]", 0),
      ("CPU 3 [LOST 12 EVENTS]", 12), ("CPU:3 [12 EVENTS DROPPED]", 12),
      ("CPU:3 [EVENTS DROPPED]", 0),
      ("q 10 [000] 1.000002: PERF_RECORD_LOST lost 12", 12),
      ("q 10 [000] 1.000002: PERF_RECORD_LOST_SAMPLES lost 12", 12),
    ])
  func losses(line: String, count: UInt64) {
    let importer = LogImporter.reading(
      lines(10, 0) + line + "\n" + "q 10 [000] 1.000003: kvm:kvm_exit: vcpu 0 reason HLT rip 0x2")
    #expect(importer.summary.lostEvents == count)
    #expect(importer.summary.losses == 1)
    #expect(importer.summary.unknownLines == [:])
    #expect(importer.counters.first { $0.name == "tracer.lost" }?.value == count)
    // The exit before the hole has no outcome, the one behind it no entry.
    let last = LogImporter.reading(
      lines(10, 0) + line + "\nq 10 [0] 1.000003: kvm:kvm_exit: vcpu 0 reason HLT rip 0x2 \n")
    #expect(last.exits.first?.flags == [.outcomeUnknown, .entryTime])
    #expect(last.exits.last?.flags == .outcomeUnknown)
  }

  @Test("Lines that cannot be read are counted by what is wrong, and the first ones kept")
  func unknown() {
    let importer = LogImporter.reading(
      "hello\n" + lines(10, 0) + """
        q 10 [000] 1.000003: kvm:kvm_exit: vcpu 0 raison HLT
        q 10 [000] 1.000003: kvm:kvm_pio: pio_poke at 0x80 size 1 count 1 val 0x0
        q 10 [000] 1.000003: kvm:kvm_pio: pio_write at 0x12345 size 1 count 1 val 0x0
        \tffffffffc05d92aa vmx_vcpu_run+0x1a ([kvm_intel])
        q 10 [000] 1.000003: kvm:kvm_fpu: load
        q 10 [000] 99999999999999999999.000003: kvm:kvm_fpu: load

        # a comment
        """)
    let summary = importer.summary
    #expect(
      summary.unknownLines == [
        "no event": 2, "unreadable kvm_exit": 1, "unreadable kvm_pio": 2, "call chain": 1,
      ])
    #expect(summary.unknownSamples.first == "hello")
    #expect(summary.unknownSamples.count == 5)
    #expect(summary.otherEvents == ["kvm_fpu": 1])
    #expect(summary.lines == 11)
    #expect(summary.events == 2)
  }

  @Test("A line without an end, a huge one and bytes that are no text are counted")
  func hostile() {
    var log = [UInt8](repeating: 0x41, count: 300_000) + [0x0a]
    log += [0xff, 0xfe, 0x00, 0x80, 0x0a]
    log += Array(lines(10, 0).utf8)
    let vcpu = "99999999999999999999"
    log += Array("q 10 [000] 1.000003: kvm:kvm_exit: vcpu \(vcpu) reason HLT rip 0x1".utf8)
    for portion in [1000, 1 << 20] {
      let importer = LogImporter.reading(log, portion: portion)
      #expect(
        importer.summary.unknownLines == [
          "line too long": 1, "no event": 1, "unreadable kvm_exit": 1,
        ])
      #expect(importer.exits.count == 1)
      #expect(importer.summary.unknownSamples.allSatisfy { $0.utf8.count <= 480 })
    }
  }

  @Test("More threads and names than there is room for are counted, not kept")
  func limits() {
    var log = ""
    for thread in 1...5000 {
      log += "q \(thread) [0] 1.000001: kvm:kvm_exit: vcpu 0 reason r\(thread) rip 0x1\n"
      log += "q \(thread) [000] 1.000001: kvm:event_\(thread): nothing\n"
    }
    let importer = LogImporter.reading(log)
    #expect(importer.vcpus.count <= 4096)
    #expect(importer.exits.count == 256)
    #expect(importer.summary.unknownLines["more than 4096 threads"] == 904)
    #expect(importer.summary.unknownLines["unreadable kvm_exit"] == 4096 - 256)
    #expect(importer.summary.otherEvents.count == 257)
    #expect(importer.summary.otherEvents["(other names)"] == 4744)
    #expect(importer.exits.allSatisfy { $0.isa == 2 })
  }

  @Test("Time that runs backwards is counted, and never makes a huge duration")
  func backwards() {
    let importer = LogImporter.reading(
      lines(10, 0, from: 5) + lines(10, 0, from: 1) + lines(11, 1, from: 3))
    // Of thread 10 the second pair is earlier than the first; all of these than the log's first.
    #expect(importer.summary.backwardTimes == 4)
    #expect(importer.summary.durationNanoseconds == 1000)
    #expect(importer.exits.allSatisfy { $0.exitTime <= 1000 && $0.entryTime <= 1000 })
  }

  @Test("A format that is asked for leaves the others' lines out")
  func required() {
    let perf = lines(10, 0)
    let other = perf.replacing("q 10", with: "q-10").replacing("kvm:", with: "")
    let importer = LogImporter.reading(perf + other, format: .perfScript)
    #expect(importer.summary.unknownLines == ["not of the format asked for": 2])
    #expect(LogImporter.reading(perf + other, format: .ftrace).exits.count == 1)
    #expect(LogImporter.reading(perf + other).exits.count == 2)
  }

  @Test("perf script --header names the host")
  func header() {
    let importer = LogImporter.reading(
      """
      # ========
      # hostname : lane
      # os release : 6.1.0-56-cloud-amd64
      # cpudesc : QEMU TCG CPU version 2.5+
      # ========
      """)
    #expect(importer.summary.kernel == "6.1.0-56-cloud-amd64")
    #expect(importer.summary.cpu == "QEMU TCG CPU version 2.5+")
    #expect(importer.summary.unknownLines == [:])
  }
}
