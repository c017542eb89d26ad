import Machine
import Testing

@Suite struct NormalFormTests {
  /// An XSAVE area whose bytes are all set but for the header.
  private func area(present: UInt8) -> VCPUState {
    var state = VCPUState()
    state.floatingPoint = [UInt8](repeating: 0xaa, count: 4096)
    for index in 512..<576 { state.floatingPoint[index] = 0 }
    state.floatingPoint[512] = present
    state.extendedControl = [IndexedRegister(index: 0, value: 7)]
    return state
  }

  @Test func theResumeFlagIsMasked() {
    var state = VCPUState()
    state.registers.rflags = 0x1_0202
    #expect(normalized(state).registers.rflags == 0x202)
  }

  @Test func arithmeticFlagsAreLeftOutBetweenKindsOfHost() {
    var (recorded, replayed) = (VCPUState(), VCPUState())
    recorded.registers.rflags = 0x246
    replayed.registers.rflags = 0xad3
    #expect(differences(from: recorded, to: replayed).map(\.field) == ["rflags"])
    func elsewhere() -> [StateDifference] {
      differences(from: recorded, to: replayed, comparesArithmeticFlags: false)
    }
    #expect(elsewhere().isEmpty)
    replayed.registers.rflags |= 1 << 10
    #expect(elsewhere().map(\.field) == ["rflags"], "DF is no arithmetic flag")
  }

  /// Bochs makes CS's type 3 at a far transfer in real mode, QEMU and KVM's emulator leave it 11.
  @Test func segmentTypesDoNotCountInRealMode() {
    var (recorded, replayed) = (VCPUState(), VCPUState())
    recorded.system.segments[0].type = 3
    replayed.system.segments[0].type = 0xb
    #expect(differences(from: recorded, to: replayed).isEmpty)
    (recorded.system.cr0, replayed.system.cr0) = (1, 1)
    #expect(differences(from: recorded, to: replayed).map(\.field) == ["cs.type"])
    // The task register is no segment of an access.
    (recorded, replayed) = (VCPUState(), VCPUState())
    recorded.system.segments[6].type = 3
    #expect(differences(from: recorded, to: replayed).map(\.field) == ["tr.type"])
  }

  /// KVM_CAP_XCRS is missing where the CPU, or the kernel's command line, has no XSAVE.
  @Test func anXCR0AsAfterResetIsAsNone() {
    var state = VCPUState()
    state.extendedControl = [IndexedRegister(index: 0, value: 1)]
    #expect(normalized(state) == normalized(VCPUState()))
    state.extendedControl[0].value = 3
    #expect(differences(from: VCPUState(), to: state).map(\.field) == ["xcr0"])
  }

  @Test func theSYSENTERRegistersKeepTheirLowHalves() {
    var state = VCPUState()
    state.modelSpecific = (0x174...0x177).map { IndexedRegister(index: $0, value: 0x1_0000_3000) }
    #expect(
      normalized(state).modelSpecific.map(\.value) == [
        0x1_0000_3000, 0x3000, 0x3000, 0x1_0000_3000,
      ])
  }

  @Test func anUnusableSegmentKeepsOnlyItsSelector() {
    var state = VCPUState()
    state.system.segments[1].isUnusable = true
    state.system.segments[1].base = 7
    state.system.segments[1].limit = 9
    state.system.segments[1].selector = 3
    let segment = normalized(state).system.segments[1]
    #expect((segment.base, segment.limit) == (0, 0))
    #expect(segment.selector == 3)
    #expect(segment.isUnusable)
  }

  @Test(arguments: [3, 4]) func anUnusableFSOrGSKeepsItsBase(index: Int) {
    var state = VCPUState()
    state.system.segments[index].isUnusable = true
    state.system.segments[index].base = 0x7000
    state.system.segments[index].limit = 9
    #expect(normalized(state).system.segments[index].base == 0x7000)
    #expect(normalized(state).system.segments[index].limit == 0)
  }

  @Test func aUsableSegmentIsLeftAlone() {
    var state = VCPUState()
    state.system.cr0 = 1
    state.system.segments[0].limit = 0xffff
    #expect(normalized(state).system == state.system)
  }

  @Test func anAbsentX87TakesItsInitialValues() {
    let normal = normalized(area(present: 6)).floatingPoint
    #expect(Array(normal[0..<8]) == [0x7f, 0x03, 0, 0, 0, 0, 0, 0])
    #expect(normal[32..<160].allSatisfy { $0 == 0 })
    #expect(normal[160..<416].allSatisfy { $0 == 0xaa })
  }

  @Test func anAbsentSSETakesItsInitialValues() {
    let normal = normalized(area(present: 1)).floatingPoint
    #expect(normal[160..<416].allSatisfy { $0 == 0 })
    #expect(Array(normal[24..<28]) == [0x80, 0x1f, 0, 0])
    #expect(normal[0] == 0xaa)
  }

  @Test func anAbsentAVXIsZero() {
    let normal = normalized(area(present: 3)).floatingPoint
    #expect(normal[576...].allSatisfy { $0 == 0 })
    #expect(normalized(area(present: 7)).floatingPoint[576..<832].allSatisfy { $0 == 0xaa })
  }

  @Test func aComponentDisabledInXCR0IsDropped() {
    var state = area(present: 7)
    state.extendedControl[0].value = 1
    let normal = normalized(state).floatingPoint
    #expect(normal[576...].allSatisfy { $0 == 0 })
    #expect(normal[512] == 3)
  }

  @Test func presenceOfInitialStateDoesNotMatter() {
    var absent = area(present: 0)
    absent.registers.rax = 1
    let initial = normalized(absent)
    var present = initial
    present.floatingPoint[512] = 3
    #expect(differences(from: absent, to: present).isEmpty)
  }

  @Test func maskAndReservedBytesAreIgnored() {
    let normal = normalized(area(present: 7)).floatingPoint
    #expect(normal[28..<32].allSatisfy { $0 == 0 })
    #expect(normal[5] == 0)
    #expect(normal[42..<48].allSatisfy { $0 == 0 })
    #expect(normal[416..<512].allSatisfy { $0 == 0 })
    #expect(normal[513..<576].allSatisfy { $0 == 0 })
  }

  @Test func anFXSAVEImageBecomesAnXSAVEArea() {
    var short = VCPUState()
    short.floatingPoint = [UInt8](repeating: 0xaa, count: 512)
    #expect(normalized(short).floatingPoint == normalized(area(present: 3)).floatingPoint)
  }

  @Test func normalizingTwiceChangesNothing() {
    let once = normalized(area(present: 5))
    #expect(normalized(once) == once)
  }

  @Test func differencesNameTheField() {
    var recorded = area(present: 3)
    var replayed = recorded
    replayed.registers.rip = 0x1002
    replayed.floatingPoint[160 + 16 * 3] = 0xab
    recorded.modelSpecific = [IndexedRegister(index: 0xc000_0080, value: 0x500)]
    replayed.system.segments[0].base = 0x10
    let found = differences(from: recorded, to: replayed)
    #expect(found.map(\.field) == ["rip", "cs.base", "xmm3", "msr 0xc0000080"])
    #expect(found[0] == StateDifference(field: "rip", recorded: "0x0", replayed: "0x1002"))
    #expect(found[3].replayed == "absent")
    #expect(differences(from: recorded, to: recorded).isEmpty)
  }

  @Test func whatIsNotInFlightIsForgotten() {
    var state = VCPUState()
    state.events.exceptionVector = 13
    state.events.exceptionErrorCode = 7
    state.events.exceptionPayload = 0x1000
    state.events.interruptVector = 8
    #expect(normalized(state).events == VCPUEvents())
  }

  @Test(arguments: [UInt8(1), 2]) func whatIsInFlightIsKept(bit: UInt8) {
    var state = VCPUState()
    state.events.exceptionState = bit | 0b1100
    state.events.exceptionVector = 14
    state.events.exceptionErrorCode = 2
    state.events.exceptionPayload = 0x1000
    state.events.interruptState = 1
    state.events.interruptVector = 8
    #expect(normalized(state).events == state.events)
  }
}
