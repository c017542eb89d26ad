import Machine

/// Programs for the scripted processor.
enum GuestPrograms {
  /// Where ``record(_:policy:script:eventsPerBlock:sink:configure:)`` puts a text.
  static let greeting: UInt64 = 0x3000
  static let device: UInt64 = 0xd000_0000

  /// The interrupt controller at vector 0x20 with the timer and the serial port unmasked.
  static let initializeInterrupts: [Operation] =
    out(0x20, 0x11) + out(0x21, 0x20) + out(0x21, 4) + out(0x21, 1) + out(0x21, 0xee)

  /// The timer at one tick in 60 counts: 50 µs, or ten exits of 5 µs.
  static let initializeTimer: [Operation] = out(0x43, 0x34) + out(0x40, 60) + out(0x40, 0)

  /// Handlers that keep RAX: the timer's counts at 0x7000, the serial port's echoes.
  static let handlers: [Operation] =
    [.label("vector-32"), .store(.rax, 0x7100), .load(.rax, 0x7000), .add(.rax, 1)]
    + [.store(.rax, 0x7000)] + out(0x20, 0x20) + [.load(.rax, 0x7100), .returnFromInterrupt]
    + [.label("vector-36"), .store(.rax, 0x7108), .input(0x3f8, width: 1)]
    + [.out(0xe9, width: 1)] + out(0x20, 0x20) + [.load(.rax, 0x7108), .returnFromInterrupt]
    + [.label("vector-33"), .store(.rax, 0x7110)] + out(0x20, 0x20)
    + [.load(.rax, 0x7110), .returnFromInterrupt]

  static let finish: [Operation] = out(0xf4, 3) + [.jump("spin"), .label("spin"), .jump("spin")]

  /// Every kind of access, without interrupts.
  static let accesses: [Operation] =
    [
      .set(.rbx, 5), .loadDevice(device, width: 4), .store(.rax, 0x5000), .addDevice(device + 8),
      .loadSplit(device + 0xffd), .store(.rax, 0x5008), .storeSplit(device + 0x1ffd),
      .storeDevice(device, width: 8), .writeMSR(0x10), .readMSR(0x10), .store(.rax, 0x5010),
      .set(.rsi, greeting), .outString(0xe9, width: 1, count: 6),
      .outString(0x3f8, width: 1, count: 7), .set(.rdi, 0x6000),
      .inString(0x1f0, width: 2, count: 8), .input(0x40, width: 1), .store(.rax, 0x5018),
      .input(0x60, width: 4), .store(.rax, 0x5020), .touchHidden, .compute(10),
    ]

  /// Everything there is: accesses, ticks at HLT and at ready exits, windows, serial input.
  static let rich = ScriptedProgram(
    initializeInterrupts + accesses + initializeTimer
      + [.enableInterrupts, .halt, .halt, .set(.rcx, 8)]
      + [.label("ready"), .out(0x80, width: 1), .add(.rcx, .max)]
      + [.jumpUnlessZero(.rcx, "ready"), .disableInterrupts, .set(.rcx, 12)]
      + [.label("closed"), .out(0x80, width: 1), .add(.rcx, .max)]
      + [.jumpUnlessZero(.rcx, "closed"), .compute(3), .enableInterrupts, .compute(2)]
      + [.compute(2), .store(.rcx, 0x5100)] + out(0x3fc, 0x0b) + out(0x3f9, 1)
      + [.halt, .halt] + out(0xe9, 0x2e) + finish + handlers)

  /// Counts in RAM without an exit while the timer ticks, until RCX passes `limit`.
  static func counting(to limit: UInt64) -> ScriptedProgram {
    ScriptedProgram(
      initializeInterrupts + initializeTimer
        + [.enableInterrupts, .set(.rcx, 0), .label("count"), .add(.rcx, 1), .store(.rcx, 0x5000)]
        + [.jumpIfBelow(.rcx, limit, "count"), .disableInterrupts] + finish + handlers)
  }
}
