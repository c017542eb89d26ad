import Bytes
import Machine
import Testing
import Trace

@testable import Replay

/// Checks what the digest covers, by changing one thing at a time.
@Suite struct EventDigestTests {
  private func value(_ body: (inout EventDigest) -> Void) -> UInt64 {
    var digest = EventDigest()
    body(&digest)
    return digest.running.value
  }

  private func value(
    _ kind: EventKind, _ change: (inout GeneralRegisters) -> Void
  ) -> UInt64 {
    var registers = GeneralRegisters()
    change(&registers)
    return value { $0.absorb(registers, at: kind) }
  }

  @Test func everyRegisterCounts() {
    let fields: [WritableKeyPath<GeneralRegisters, UInt64>] = [
      \.rax, \.rbx, \.rcx, \.rdx, \.rsi, \.rdi, \.rsp, \.rbp, \.r8, \.r9, \.r10, \.r11, \.r12,
      \.r13, \.r14, \.r15, \.rip, \.rflags,
    ]
    var values: Set<UInt64> = [value(.halt) { _ in }]
    for field in fields { values.insert(value(.halt) { $0[keyPath: field] ^= 1 << 40 }) }
    #expect(values.count == fields.count + 1, "also which register it was")
  }

  @Test func resumeFlagDoesNotCount() {
    #expect(value(.halt) { $0.rflags |= RFlags.resume } == value(.halt) { _ in })
    #expect(value(.halt) { $0.rflags |= RFlags.interruptEnable } != value(.halt) { _ in })
  }

  /// RIP stands at or after an OUT; the event has it.
  @Test func theInstructionPointerAtAPortWriteDoesNotCount() {
    #expect(value(.portWrite) { $0.rip = 1 } == value(.portWrite) { _ in })
    #expect(value(.portRead) { $0.rip = 1 } != value(.portRead) { _ in })
  }

  /// CF, PF, AF, ZF, SF, OF: the event has them.
  @Test(arguments: [0, 2, 4, 6, 7, 11] as [UInt64])
  func arithmeticFlagsDoNotCount(bit: UInt64) {
    #expect(value(.halt) { $0.rflags ^= 1 << bit } == value(.halt) { _ in })
  }

  @Test func otherFlagsCount() {
    for bit in [8, 9, 10, 12, 14, 17, 18, 21] as [UInt64] {
      #expect(value(.halt) { $0.rflags ^= 1 << bit } != value(.halt) { _ in }, "bit \(bit)")
    }
  }

  @Test func shutdownRegistersDoNotCount() {
    #expect(value(.shutdown) { $0.rax = 1 } == EventDigest().running.value)
  }

  @Test func eventFieldsCount() {
    let changes: [(inout Event) -> Void] = [
      { _ in }, { $0.kind = .portRead }, { $0.width = 2 }, { $0.vcpu = 2 }, { $0.count = 2 },
      { $0.address = 2 }, { $0.value = 2 },
    ]
    let values = changes.map { change in
      var event = Event(.portWrite)
      change(&event)
      return value { $0.absorb(event) }
    }
    #expect(Set(values).count == changes.count)
  }

  @Test func whatTheHostChoseDoesNotCount() {
    var event = Event(.portWrite)
    let before = value { $0.absorb(event) }
    (event.entryTime, event.exitTime, event.stream, event.rip) = (1, 2, 1, 3)
    (event.check, event.digest, event.payloadOffset) = (4, 5, 6)
    #expect(value { $0.absorb(event) } == before)
  }

  @Test func payloadsCountWithTheirLength() {
    func value(_ bytes: [UInt8]) -> UInt64 {
      self.value { digest in
        unsafe bytes.withUnsafeBytes { unsafe digest.absorb(payload: $0) }
      }
    }
    #expect(Set([value([]), value([0]), value([0, 0]), value([1])]).count == 4)
  }

  @Test func resumesFromAStoredValue() {
    var whole = EventDigest()
    whole.absorb(Event(.halt))
    var resumed = EventDigest(resuming: whole.running.value)
    whole.absorb(Event(.portRead))
    resumed.absorb(Event(.portRead))
    #expect(whole.running == resumed.running)
    #expect(whole.check == UInt8(truncatingIfNeeded: whole.running.value))
  }
}
