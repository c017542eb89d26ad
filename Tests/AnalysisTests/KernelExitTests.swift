import ReelFixtures
import Testing
import Trace

@testable import Analysis

private func exit(
  _ isa: UInt8, _ reason: UInt64, anchor: EventIndex = 0, info1: UInt64 = 0, info2: UInt64 = 0,
  entry: UInt64 = 0, at time: UInt64 = 0, flags: KernelExitFlags = [.entryTime],
  address: UInt64? = nil
) -> KernelExitRecord {
  var exit = KernelExitRecord()
  exit.isa = isa
  exit.reason = reason
  exit.anchor = anchor
  exit.info1 = info1
  exit.info2 = info2
  exit.entryTime = entry
  exit.exitTime = time
  exit.flags = flags
  if let address {
    exit.address = address
    exit.flags.insert(.address)
  }
  return exit
}

@Suite struct KernelExitNameTests {
  @Test("Upper bits of a VMX reason are named apart; unknown codes are numbers")
  func names() {
    let names = KernelExitName(nil)
    #expect(names.name(isa: 1, reason: 48) == "EPT_VIOLATION")
    #expect(names.name(isa: 1, reason: 0x8000_0021) == "INVALID_STATE+FAILED_VMENTRY")
    #expect(names.name(isa: 1, reason: 0x0401_0030) == "EPT_VIOLATION+BUS_LOCK+0x10000")
    #expect(names.name(isa: 1, reason: .max).utf8.count < 100)
    #expect(names.name(isa: 1, reason: 35) == "0x23")
    #expect(names.name(isa: 2, reason: 0x400) == "npf")
    #expect(names.name(isa: 2, reason: 0xffff_ffff) == "invalid_guest_state")
    #expect(names.name(isa: 2, reason: 0x4ff) == "0x4ff")
    #expect(names.name(isa: 9, reason: 5) == "0x5")
    #expect(names.knows("npf") && names.knows("0x4ff") && names.knows("HLT+BUS_LOCK+0x10000"))
    for wrong in ["", "+", "NPF", "0x04FF", "0x", "HLT+", "HLT+EPT_VIOLATION"] {
      #expect(!names.knows(wrong), "\(wrong)")
    }
    #expect(names.names(like: "NPF") == ["npf"])
    #expect(names.names(like: "hlt").prefix(2) == ["HLT", "hlt"])
    #expect(names.names(like: "EPT_MISONFIG") == ["EPT_MISCONFIG"])
    #expect(names.names(like: String(repeating: "x", count: 900)).isEmpty)
  }

  @Test(
    "Qualifications in words, after the manuals",
    arguments: [
      (exit(1, 30, info1: 0x3f8_0000), "out 0x3f8:1 COM1 THR"),
      (exit(1, 30, info1: 0x3fd_0008), "in 0x3fd:1 COM1 LSR"),
      (exit(1, 30, info1: 0x80_0031), "out 0x80:2 POST string rep"),
      (exit(1, 48, info1: 0x182), "write allowed none"),
      (exit(1, 48, info1: 0x09d), "read fetch allowed rw page walk"),
      (exit(1, 28, info1: 0x004), "cr4 write from rax"),
      (exit(1, 28, info1: 0xb13), "cr3 read to r11"),
      (exit(1, 28, info1: 0x020), "cr0 clts"),
      (exit(1, 28, info1: 0x1234_0030), "cr0 lmsw 0x1234"),
      (exit(1, 29, info1: 0x317), "dr7 read to rbx"),
      (exit(2, 0x7b, info1: 0x3fd_0011), "in 0x3fd:1 COM1 LSR"),
      (exit(2, 0x7b, info1: 0x80_002c), "out 0x80:2 POST string rep"),
      (exit(2, 0x7c, info1: 1), "write"),
      (exit(2, 0x400, info1: 0x2_0000_0006), "write not present page walk"),
      (exit(2, 0x400, info1: 0x1_0000_0015), "fetch present"),
      (exit(2, 0x14, info1: 1 << 63 | 2), "cr4 write from rdx"),
      (exit(2, 0x10), "cr0 write"), (exit(3, 0x10, info1: 5), ""),
    ])
  func details(exit: KernelExitRecord, text: String) {
    #expect(exit.detail == text)
  }

  @Test("An interruption names its kind, vector and error code")
  func interruption() {
    var record = exit(1, 0)
    record.interruptInformation = 0x8000_0b0e
    record.errorCode = 2
    #expect(record.detail == "exception vector 0xe error 0x2")
  }

  @Test("No bits of any field trap the decoder")
  func anything() {
    for isa: UInt8 in [1, 2] {
      for reason in UInt64(0)..<0x410 {
        for value: UInt64 in [0, .max, 0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa] {
          var record = exit(isa, reason, info1: value, info2: value)
          record.interruptInformation = value
          #expect(record.detail.utf8.count < 200)
        }
      }
    }
  }
}

@Suite struct KernelExitStatisticsTests {
  private func counters(_ moment: HostTotals.Moment, _ values: [(String, UInt64)]) -> HostTotals {
    HostTotals(
      moment: moment, anchor: nil, time: 0,
      counters: values.map { HostTotals.Counter(name: $0.0, value: $0.1) })
  }

  private var builder: ReelBuilder {
    var builder = ReelBuilder.sample()
    builder.kernelExits = [
      exit(2, 0x400, info1: 2, entry: 100, at: 150, address: 0x5008),
      exit(2, 0x400, info1: 0x10, entry: 170, at: 200, address: 0x5ff0),
      exit(2, 0x60, anchor: 2, entry: 260, at: 300, flags: [.entryTime, .interrupted]),
      exit(2, 0x400, anchor: 3, entry: 900, at: 950, flags: [.entryTime]),
      exit(2, 0x7b, anchor: 3, entry: 960, at: 990, flags: [.entryTime, .returned]),
    ]
    builder.totals = [
      counters(.start, [("kvm.exits", 10), ("tracer.recorded", 0)]),
      counters(
        .end,
        [
          ("kvm.exits", 17), ("tracer.recorded", 5), ("tracer.lost", 2),
          ("tracer.address-unknown", 1),
        ]),
    ]
    return builder
  }

  @Test("Exits are counted by reason and outcome")
  func counts() throws {
    let statistics = try ExitStatistics(builder.reel())
    #expect(
      statistics.kernel.sentence == "tracepoint, 5 recorded, 2 lost, 1 with address unknown")
    #expect(statistics.kernel.statisticsExits == 7)
    let fault = try #require(statistics.kernelExits.rows.first)
    #expect((fault.name, fault.samples, fault.outcomes?.handledByKernel) == ("npf", 3, 3))
    #expect(fault.inGuest.totalNanoseconds == 50 + 30 + 50)
    #expect(fault.handling.samples == 3)
    #expect(fault.handling.totalNanoseconds == 20 + 60 + 10)
    let kick = try #require(statistics.kernelExits.byName["interrupt"])
    #expect(kick.outcomes == ExitRow.Outcomes(interrupted: 1))
    let port = try #require(statistics.kernelExits.byName["io"])
    #expect(port.outcomes == ExitRow.Outcomes(returned: 1))
    #expect(statistics.totals.faultsWithoutAddress == 1)
    #expect(statistics.population == .runner && statistics.table.byName["npf"] == nil)
  }

  @Test("Only what the kernel did alone is its time")
  func handledAlone() throws {
    let statistics = try ExitStatistics(builder.reel(), .init(by: [.reason], of: .handled))
    #expect(statistics.table.counts == ["npf": 3])
    #expect(statistics.totals.handlingNanoseconds == 20 + 60 + 10)
    let all = try ExitStatistics(builder.reel(), .init(by: [.reason], of: .all))
    #expect(all.table.counts == ["npf": 3, "in": 50, "out": 52, "hlt": 50])
    let kernel = try ExitStatistics(builder.reel(), .init(by: [.reason], of: .kernel))
    #expect(kernel.table.counts == ["npf": 3, "interrupt": 1, "io": 1])
  }

  @Test("Faults of nested paging are told apart by page and access")
  func pages() throws {
    let statistics = try ExitStatistics(builder.reel(), .init(by: [.gpa], .mmio, of: .kernel))
    #expect(statistics.table.counts == ["0x5000:W": 1, "0x5000:X": 1])
    #expect(statistics.totals.faultsWithoutAddress == 1)
  }

  @Test("No set of fields of a kernel exit is taken for an exit of the runner's kinds")
  func hostileReasons() throws {
    var builder = builder
    builder.totals = []
    builder.kernelExits = [
      exit(0, 0x101), exit(0, 1), exit(0, .max), exit(9, 1), exit(2, .max), exit(1, .max),
    ]
    for dimensions: [ExitDimension] in [[.reason], [.reason, .vcpu], [.rip], [.wake]] {
      let table = try ExitStatistics(builder.reel(), .init(by: dimensions, .vmexit, of: .kernel))
        .table
      #expect(table.samples == 6, "\(dimensions)")
      if dimensions.contains(.reason) {
        #expect(table.rows.count == 6, "\(table.rows.map(\.name))")
      }
    }
  }

  @Test("A range of events takes the exits anchored in it")
  func range() throws {
    var query = ExitStatistics.Query()
    query.selection.range = 1..<3
    let statistics = try ExitStatistics(builder.reel(), query)
    #expect(statistics.kernelExits.counts == ["interrupt": 1])
  }

  @Test("A reel says which of tracepoint, totals or nothing it has")
  func sources() throws {
    var silent = builder
    silent.kernelExits = []
    silent.totals[1] = counters(.end, [("kvm.exits", 17), ("tracer.recorded", 0)])
    #expect(KernelExitSource(try silent.reel()).kind == .silentTracepoint)
    silent.totals = [counters(.start, [("kvm.exits", 1)]), counters(.end, [("kvm.exits", 4)])]
    let totals = KernelExitSource(try silent.reel())
    #expect(totals.sentence == "statistics fd totals only, 3 exits")
    silent.totals = []
    #expect(KernelExitSource(try silent.reel()).sentence == "not recorded")
  }

  @Test("Verification counts kernel exits and holds them against the totals and the events")
  func verification() throws {
    let sound = ReelVerification(MemorySource(builder.bytes()))
    #expect(sound.isSound, "\(sound.findings)")
    #expect(sound.checked.kernelExits == 5)
    var short = builder
    short.kernelExits.removeLast()
    #expect(ReelVerification(MemorySource(short.bytes())).findings.count == 1)
    var beyond = builder
    beyond.kernelExits[4].anchor = 100_000
    let message = ReelVerification(MemorySource(beyond.bytes())).findings.first?.message
    #expect(message?.contains("100000, which is not there") == true)
    var backwards = builder
    backwards.kernelExits[4].anchor = 1
    #expect(ReelVerification(MemorySource(backwards.bytes())).findings.count == 1)
  }
}
