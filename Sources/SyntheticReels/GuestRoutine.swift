internal import Trace

/// One exit that a routine of the invented guest makes.
struct GuestAccess: Sendable {
  /// Where the data of a write, or the answer to a read, comes from.
  enum Data: Sendable {
    /// There is none.
    case none
    /// Always this.
    case constant(UInt64)
    /// The next byte of the console text.
    case text
    /// The guest's clock, as what RDTSC reads.
    case clock
    /// Random bits that grow with the guest's clock.
    case deadline
    /// Random bits under this mask.
    case random(UInt64)
    /// The first value three times out of four, else the second.
    case status(UInt64, UInt64)
    /// `count` random elements: the payload of a string access.
    case elements
  }

  var kind: EventKind
  var address: UInt64 = 0
  var width: UInt8 = 0
  var count: UInt32 = 0
  var stream: UInt8 = 0
  var data = Data.none
  /// The width of a read's answer; 0: the read's own.
  var answerWidth: UInt8 = 0
  /// The vector injected after a halt.
  var vector: UInt64 = 0
  /// The disk, from 1, that writes guest memory after this exit; 0: none.
  var disk: UInt16 = 0
  var rip: UInt64 = 0
  var arithmeticFlags: UInt16 = 0
  /// Mean host nanoseconds of handling it, and of the guest's slice before it.
  var handling: UInt64 = 2500
  var slice: UInt64 = 4000
}

/// Code of the invented guest that makes the same exits whenever it runs.
struct GuestRoutine: Sendable {
  var accesses: [GuestAccess]
  /// How often it loops at most.
  var repetitions: UInt64
}

/// The code of the invented guest: a few dozen routines with a few hundred sites that exit.
struct GuestCode: Sendable {
  /// What stands in RFLAGS at most exits: ZF and PF, nothing, CF, SF.
  private static let usualFlags: [UInt16] = [0x44, 0, 0, 0x1, 0x84, 0x10]

  var routines: [GuestRoutine] = []
  /// One index into `routines` for each share of the time.
  var choices: [Int] = []

  init(_ configuration: SyntheticReel.Configuration) {
    var random = SplitMix64(seed: configuration.seed ^ 0x636f_6465)
    var rip: UInt64 = 0xffff_ffff_8100_0000
    var templates = Self.templates
    // Where RDTSC is frozen it is no exit.
    if !configuration.freezesTimestamp { templates.append((9, 8, Self.timestamp)) }
    for disk in 0..<configuration.diskCount {
      templates.append((40, 1, Self.diskTransfer(disk: UInt16(disk + 1))))
    }
    for template in templates {
      for _ in 0..<template.copies {
        rip += 0x100 + random.below(0x8000)
        routines.append(Self.place(template.routine, &rip, &random))
        for _ in 0..<template.share { choices.append(routines.count - 1) }
      }
    }
  }

  /// A template's copy, its sites a few instructions apart.
  private static func place(
    _ template: GuestRoutine, _ rip: inout UInt64, _ random: inout SplitMix64
  ) -> GuestRoutine {
    var routine = template
    for index in routine.accesses.indices {
      rip += 2 + random.below(24)
      routine.accesses[index].rip = rip
      routine.accesses[index].arithmeticFlags = usualFlags[Int(random.below(6))]
      routine.accesses[index].slice = 500 + random.below(6000)
    }
    return routine
  }

  /// What drivers and a booting kernel do: how many copies there are, at addresses of their own, and
  /// how often each is chosen.
  private static let templates: [(share: Int, copies: Int, routine: GuestRoutine)] = [
    (4, 14, configurationSpace), (5, 10, serialText), (6, 6, timerTick), (4, 8, deviceRegisters),
    (2, 10, modelSpecific), (2, 4, realTimeClock), (1, 4, diskSector), (1, 3, stringOutput),
    (1, 4, debugText),
  ]

  /// A rewritten RDTSC.
  private static let timestamp = GuestRoutine(
    accesses: [
      GuestAccess(kind: .portRead, address: 0xe4, width: 4, data: .clock, answerWidth: 8)
    ], repetitions: 24)

  /// PCI configuration space: the address, then the data.
  private static let configurationSpace = GuestRoutine(
    accesses: [
      GuestAccess(kind: .portWrite, address: 0xcf8, width: 4, data: .random(0x80ff_fffc)),
      GuestAccess(
        kind: .portRead, address: 0xcfc, width: 4, data: .status(0xffff_ffff, 0x1237_8086)),
    ], repetitions: 16)

  /// The serial port: its line status, then a character.
  private static let serialText = GuestRoutine(
    accesses: [
      GuestAccess(kind: .portRead, address: 0x3fd, width: 1, data: .constant(0x60)),
      GuestAccess(kind: .portWrite, address: 0x3f8, width: 1, stream: 1, data: .text),
    ], repetitions: 60)

  /// The idle loop: a halt, the timer's interrupt, its acknowledgement.
  private static let timerTick = GuestRoutine(
    accesses: [
      GuestAccess(kind: .halt, vector: 0x30),
      GuestAccess(kind: .portRead, address: 0x20, width: 1, data: .constant(0)),
      GuestAccess(kind: .portWrite, address: 0x20, width: 1, data: .constant(0x60)),
      GuestAccess(kind: .portWrite, address: 0x43, width: 1, data: .constant(0x30)),
      GuestAccess(kind: .portWrite, address: 0x40, width: 1, data: .random(0xff)),
      GuestAccess(kind: .portWrite, address: 0x40, width: 1, data: .random(0x0f)),
    ], repetitions: 3)

  /// A device behind MMIO: polled, then given a descriptor.
  private static let deviceRegisters = GuestRoutine(
    accesses: [
      GuestAccess(kind: .memoryRead, address: 0xfeb0_0008, width: 4, data: .status(0x8008_0780, 3)),
      GuestAccess(kind: .memoryWrite, address: 0xfeb0_3818, width: 4, data: .random(0xff)),
      GuestAccess(kind: .memoryWrite, address: 0xfeb0_0020, width: 8, data: .random(0x7ff_f000)),
    ], repetitions: 8)

  private static let modelSpecific = GuestRoutine(
    accesses: [
      GuestAccess(kind: .msrRead, address: 0x1b, data: .constant(0xfee0_0900), answerWidth: 8),
      GuestAccess(kind: .msrWrite, address: 0x6e0, data: .deadline),
    ], repetitions: 2)

  private static let realTimeClock = GuestRoutine(
    accesses: [
      GuestAccess(kind: .portWrite, address: 0x70, width: 1, data: .random(0x0f)),
      GuestAccess(kind: .portRead, address: 0x71, width: 1, data: .random(0x3f)),
    ], repetitions: 10)

  /// Programmed input of a sector, in one string access.
  private static let diskSector = GuestRoutine(
    accesses: [
      GuestAccess(kind: .portWrite, address: 0x1f7, width: 1, data: .constant(0x20)),
      GuestAccess(kind: .portRead, address: 0x1f7, width: 1, data: .status(0x58, 0xd0)),
      GuestAccess(kind: .portRead, address: 0x1f0, width: 2, count: 256, data: .elements),
    ], repetitions: 1)

  /// A disk behind MMIO that reads sectors into the guest's memory when its doorbell is rung.
  private static func diskTransfer(disk: UInt16) -> GuestRoutine {
    let registers = 0xfeb1_0000 + UInt64(disk) << 12
    return GuestRoutine(
      accesses: [
        GuestAccess(
          kind: .memoryWrite, address: registers + 0x50, width: 4, data: .constant(0), disk: disk),
        GuestAccess(kind: .memoryRead, address: registers + 0x60, width: 4, data: .constant(1)),
        GuestAccess(kind: .memoryWrite, address: registers + 0x64, width: 4, data: .constant(1)),
      ], repetitions: 4)
  }

  private static let stringOutput = GuestRoutine(
    accesses: [
      GuestAccess(kind: .portWrite, address: 0x1f0, width: 2, count: 32, data: .elements)
    ], repetitions: 2)

  private static let debugText = GuestRoutine(
    accesses: [GuestAccess(kind: .portWrite, address: 0xe9, width: 1, stream: 2, data: .text)],
    repetitions: 40)
}
