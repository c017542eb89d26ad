import KVM
import Machine
import Testing
import Trace

@testable import Commands

/// Which TSC policy a guest gets on a host.
@Suite struct TSCChoiceTests {
  private func guest(_ kind: String) -> Metadata.Guest {
    Metadata.Guest(
      kind: kind, name: "G", sha256: "", loadAddress: nil, append: nil, modules: [])
  }

  private func host(freezes: Bool, syncs: Bool = true) -> HostFacts {
    var facts = HostFacts()
    facts.freezesTSC = freezes
    facts.hasTSCScaling = freezes
    facts.syncsRegisters = syncs
    return facts
  }

  @Test(arguments: [
    ("built-in", TSCPolicy.none, TSCPolicy.none), ("flat", .freeze, .none),
    ("multiboot", .freeze, .none), ("linux", .freeze, .patch),
  ])
  func autoIsTheBestTheHostCan(kind: String, scaling: TSCPolicy, plain: TSCPolicy) throws {
    #expect(try TSCChoice.auto.policy(for: guest(kind), on: host(freezes: true)) == scaling)
    #expect(try TSCChoice.auto.policy(for: guest(kind), on: host(freezes: false)) == plain)
    let old = host(freezes: false, syncs: false)
    #expect(try TSCChoice.auto.policy(for: guest(kind), on: old) == .none)
    #expect(try TSCChoice.none.policy(for: guest(kind), on: host(freezes: true)) == .none)
    #expect(try TSCChoice.freeze.policy(for: guest(kind), on: host(freezes: true)) == .freeze)
  }

  @Test func whatCannotBeKeptIsRefused() throws {
    let linux = guest("linux")
    #expect(throws: CommandFailure.self) {
      try TSCChoice.freeze.policy(for: linux, on: host(freezes: false))
    }
    #expect(throws: CommandFailure.self) {
      try TSCChoice.patch.policy(for: guest("flat"), on: host(freezes: true))
    }
    #expect(throws: CommandFailure.self) {
      try TSCChoice.patch.policy(for: linux, on: host(freezes: true, syncs: false))
    }
    #expect(try TSCChoice.patch.policy(for: linux, on: host(freezes: true)) == .patch)
  }
}

private let freezesTSC = (try? HostProbe.facts().freezesTSC) ?? false

extension ProgramTests {
  @Suite(.needsKVM) struct TimestampPolicies {
    /// RDTSC; its low half to port 0x80; RDMSR of the counter; ten times; then the debug exit.
    private static let reader: [UInt8] = [
      0xbb, 0x0a, 0x00,  // mov bx, 10
      0x0f, 0x31, 0x66, 0xe7, 0x80,  // rdtsc; out 0x80, eax
      0x66, 0xb9, 0x10, 0x00, 0x00, 0x00, 0x0f, 0x32, 0x66, 0xe7, 0x80,  // mov ecx; rdmsr; out
      0x4b, 0x75, 0xed,  // dec bx; jnz
      0xb0, 0x00, 0xe6, 0xf4, 0xf4,  // mov al, 0; out 0xf4, al; hlt
    ]

    @Test(.enabled(if: freezesTSC, "this host's KVM cannot freeze the TSC"))
    func aFrozenReaderReplaysIdentically() throws {
      let directory = try TestDirectory()
      try directory.write(Self.reader, to: "reader.bin")
      let line = ["record", "--flat", "reader.bin", "--at", "0x1000", "-o"]
      try directory.vmreel(line + ["a.reel"]).expectSuccess()
      try directory.vmreel(line + ["b.reel", "--tsc", "freeze"]).expectSuccess()
      let info = try directory.vmreel("info", "a.reel")
      #expect(info.text.contains("TSC freeze"), "\(info.story)")
      for _ in 0..<3 {
        let replayed = try directory.vmreel("replay", "a.reel")
        #expect(replayed.errors.hasPrefix("identical: "), "\(replayed.story)")
      }
      #expect(try directory.vmreel("diff", "-q", "a.reel", "b.reel").status == 0)
      try directory.vmreel(line + ["c.reel", "--tsc", "none"]).expectSuccess()
      #expect(try directory.vmreel("replay", "c.reel").status == 1, "the counter stood still")
    }

    @Test(.enabled(if: !freezesTSC, "this host's KVM freezes the TSC"))
    func freezingIsRefusedWhereItCannotBe() throws {
      let directory = try TestDirectory()
      let run = try directory.vmreel("record", "--guest", "hello", "--tsc", "freeze")
      expectTrouble(run, "--tsc freeze", "KVM_CAP_TSC_CONTROL", "--tsc auto")
      #expect(try directory.files().isEmpty)
    }

    @Test func patchingNeedsALinuxKernel() throws {
      let directory = try TestDirectory()
      let run = try directory.vmreel("record", "--guest", "hello", "--tsc", "patch")
      expectTrouble(run, "--tsc patch", "hello")
      #expect(try directory.files().isEmpty)
    }

    /// Left to vmreel, a kernel that cannot be rewritten is recorded all the same, and it says so.
    @Test(.enabled(if: !freezesTSC, "this host's KVM freezes the TSC"))
    func anUnpatchableKernelIsRecordedWithoutPatch() throws {
      let directory = try TestDirectory()
      try directory.write(EchoKernel.image, to: "echo.elf")
      let line = [
        "record", "--kernel", "echo.elf", "-m", "4", "--input", "none", "--for", "50ms", "-o",
        "e.reel",
      ]
      expectTrouble(
        try directory.vmreel(line + ["--tsc", "patch"]), "echo.elf", "--tsc patch demands",
        "no section headers")
      #expect(try directory.files() == ["echo.elf"])
      let run = try directory.vmreel(line)
      run.expectSuccess()
      #expect(run.errors.contains("note: echo.elf: its RDTSC instructions"), "\(run.story)")
      #expect(try directory.vmreel("info", "e.reel").text.contains("TSC none"))
    }

    /// A reel of this host whose metadata claims what the host cannot do, or nobody knows.
    @Test(arguments: ["freeze", "sundial"])
    func foreignPoliciesAreRefusedOnReplay(policy: String) throws {
      let directory = try TestDirectory()
      try directory.vmreel("record", "--guest", "hello", "-o", "h.reel").expectSuccess()
      try directory.alterMetadata(of: "h.reel", to: "f.reel") {
        $0.policies.tsc = policy
      }
      let run = try directory.vmreel("replay", "f.reel")
      if policy == "freeze", freezesTSC {
        // The reel holds no timestamps, and the guest reads none.
        #expect(run.status == 0, "\(run.story)")
      } else if policy == "freeze" {
        expectTrouble(run, "f.reel", "recorded with tsc freeze", "KVM_CAP_TSC_CONTROL")
      } else {
        expectTrouble(run, "f.reel", "sundial")
      }
    }
  }
}
