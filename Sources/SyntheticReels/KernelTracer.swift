internal import Trace

/// The kernel exits behind the invented guest's exits, and KVM's counters of them.
struct KernelTracer: Sendable {
  /// An instruction set's codes of the exits that happen here.
  private struct Codes: Sendable {
    var access, halt, modelSpecificRead, modelSpecificWrite, memory, cpuid, interrupt: UInt64
  }

  private static let vmx = Codes(
    access: 30, halt: 12, modelSpecificRead: 31, modelSpecificWrite: 32, memory: 48, cpuid: 10,
    interrupt: 1)
  private static let svm = Codes(
    access: 0x7b, halt: 0x78, modelSpecificRead: 0x7c, modelSpecificWrite: 0x7c, memory: 0x400,
    cpuid: 0x72, interrupt: 0x60)

  private let isa: UInt8
  private let lostPerThousand: UInt64
  private let codes: Codes
  private var random: SplitMix64
  private var exits: UInt64 = 0
  private var recorded: UInt64 = 0
  private var returned: UInt64 = 0
  private var interrupted: UInt64 = 0

  init(_ configuration: SyntheticReel.Configuration) {
    isa = configuration.instructionSet
    lostPerThousand = configuration.lostKernelExitsPerThousand
    codes = isa == 1 ? Self.vmx : Self.svm
    random = SplitMix64(seed: configuration.seed ^ 0x6578_6974)
  }

  /// Adds what the kernel saw in the slice before an exit to the runner, that exit included.
  mutating func observe(
    _ event: Event, vcpu: UInt16, after anchor: EventIndex, into exits: inout [KernelExitRecord]
  ) {
    var exit = KernelExitRecord()
    exit.anchor = anchor
    exit.vcpu = vcpu
    exit.isa = isa
    exit.flags = .entryTime
    exit.entryTime = event.entryTime
    if random.below(8) < 3, event.exitTime - event.entryTime > 64 {
      var handled = exit
      handle(&handled, until: event)
      exit.entryTime = handled.exitTime + (event.exitTime - handled.exitTime) / 2
      add(handled, to: &exits)
    }
    exit.rip = event.rip
    exit.exitTime = event.exitTime
    exit.flags.insert(event.kind == .kick ? .interrupted : .returned)
    describe(&exit, event)
    if event.kind == .kick { interrupted += 1 } else { returned += 1 }
    add(exit, to: &exits)
  }

  /// An exit the kernel handles alone, in the first half of a slice.
  private mutating func handle(_ exit: inout KernelExitRecord, until event: Event) {
    let half = (event.exitTime - event.entryTime) / 2
    exit.exitTime = event.entryTime + random.below(max(1, min(half, 1 << 31)))
    exit.rip = event.rip &- random.below(0x1000)
    switch random.below(8) {
    case 0: exit.reason = codes.cpuid
    case 1:
      exit.reason = codes.interrupt
      exit.interruptInformation = isa == 1 ? 0x8000_00ec : 0
    default:
      exit.reason = codes.memory
      exit.info1 = isa == 1 ? 0x182 : 0x1_0000_0006
      exit.address = random.below(0x4000) << 12 | random.below(512) << 3
      exit.flags.insert(.address)
    }
  }

  /// Reason and qualification of an exit that reached the runner.
  private func describe(_ exit: inout KernelExitRecord, _ event: Event) {
    let isRead = event.kind.expectsInput
    switch event.kind {
    case .portRead, .portWrite:
      exit.reason = codes.access
      let width = UInt64(event.width)
      exit.info1 = event.address << 16
      exit.info1 |= isa == 1 ? (width - 1) | (isRead ? 8 : 0) : width << 4 | (isRead ? 1 : 0)
      exit.info2 = isa == 1 ? 0 : event.rip &+ 1
    case .memoryRead, .memoryWrite:
      exit.reason = codes.memory
      exit.info1 = isa == 1 ? (isRead ? 0x181 : 0x182) : (isRead ? 0x1_0000_000c : 0x1_0000_000e)
      exit.address = event.address
      exit.flags.insert(.address)
    case .msrRead: exit.reason = codes.modelSpecificRead
    case .msrWrite:
      exit.reason = codes.modelSpecificWrite
      exit.info1 = isa == 1 ? 0 : 1
    case .halt: exit.reason = codes.halt
    default: exit.reason = codes.interrupt
    }
  }

  private mutating func add(_ exit: KernelExitRecord, to exits: inout [KernelExitRecord]) {
    self.exits += 1
    guard random.below(1000) >= lostPerThousand else { return }
    recorded += 1
    exits.append(exit)
  }

  /// The counters as they stand.
  func totals(_ moment: HostTotals.Moment, anchor: EventIndex?, time: UInt64) -> HostTotals {
    let values: [(name: String, value: UInt64)] = [
      ("kvm.exits", exits), ("kvm.io_exits", returned), ("kvm.signal_exits", interrupted),
      ("tracer.recorded", recorded), ("tracer.lost", exits - recorded),
      ("tracer.lost-records", (exits - recorded) * 2), ("tracer.address-unknown", 0),
      ("tracer.runs-returned", returned), ("tracer.runs-interrupted", interrupted),
      ("tracepoint.kvm_exit", exits),
    ]
    return HostTotals(
      moment: moment, anchor: anchor, time: time,
      counters: values.map { HostTotals.Counter(name: $0.name, value: $0.value) })
  }
}
