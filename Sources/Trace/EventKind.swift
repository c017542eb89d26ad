/// What an event is; an open set, so that a reader keeps kinds it does not know.
///
/// 1–31 are guest-made exits, 32–47 inputs, 48–63 host-made exits, 64–79 marks of the recorder.
public struct EventKind: RawRepresentable, Hashable, Sendable {
  /// The number as stored.
  public let rawValue: UInt8
  /// Makes a kind from its number.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// OUT: `address` port, `width`, `value` or payload of `count` elements.
  public static let portWrite = EventKind(rawValue: 1)
  /// IN: `address` port, `width`, `count`; an ``inputData`` event follows.
  public static let portRead = EventKind(rawValue: 2)
  /// A store outside RAM: `address` guest physical, `width`, `value`.
  public static let memoryWrite = EventKind(rawValue: 3)
  /// A load outside RAM: `address`, `width`; an ``inputData`` event follows.
  public static let memoryRead = EventKind(rawValue: 4)
  /// WRMSR: `address` MSR index, `value`.
  public static let msrWrite = EventKind(rawValue: 5)
  /// RDMSR: `address` MSR index; an ``inputData`` event follows.
  public static let msrRead = EventKind(rawValue: 6)
  /// HLT.
  public static let halt = EventKind(rawValue: 7)
  /// Triple fault or shutdown.
  public static let shutdown = EventKind(rawValue: 8)
  /// The requested interrupt window opened, on a host where windows are exact.
  public static let interruptWindow = EventKind(rawValue: 9)
  /// A system event: `address` its KVM_SYSTEM_EVENT_* type.
  public static let systemEvent = EventKind(rawValue: 10)
  /// KVM gave up on the guest: `address` KVM_EXIT_* code, `value` suberror or hardware reason.
  public static let failure = EventKind(rawValue: 11)

  /// What the runner answered a read with: `width`, `value` or payload.
  public static let inputData = EventKind(rawValue: 32)
  /// An injected external interrupt: `address` vector.
  public static let interrupt = EventKind(rawValue: 33)
  /// The runner asked for an interrupt window (hosts where windows are exact).
  public static let windowRequest = EventKind(rawValue: 34)

  /// A device wrote into guest memory: `address` guest physical, `count` bytes, `device`; the data are
  /// the payload, or lie in a disk `image` at offset `value`.
  public static let deviceWrite = EventKind(rawValue: 35)

  /// The host stopped the guest: `address` a ``KickReason``; a seal keyframe follows.
  public static let kick = EventKind(rawValue: 48)

  /// A keyframe was taken here: `address` its number.
  public static let keyframe = EventKind(rawValue: 64)

  /// A replay that had diverged took the state of keyframe `address` and went on.
  public static let resync = EventKind(rawValue: 65)

  /// Whether the guest made this exit, so that replay must make it too.
  public var isGuestMade: Bool { (1...31).contains(rawValue) }
  /// Whether this is something the runner gave to the guest.
  public var isInput: Bool { (32...47).contains(rawValue) }
  /// Whether this exit was made by the host.
  public var isHostMade: Bool { (48...63).contains(rawValue) }
  /// Whether this ended a slice of guest execution, so that its times are its own.
  public var isExit: Bool { isGuestMade || isHostMade }
  /// Whether an ``inputData`` event answers it.
  public var expectsInput: Bool { self == .portRead || self == .memoryRead || self == .msrRead }

  /// The kinds this version writes, with the names `dump` and the metadata use.
  public static let names: [(kind: EventKind, name: String)] = [
    (.portWrite, "out"), (.portRead, "in"), (.memoryWrite, "mmio-write"),
    (.memoryRead, "mmio-read"), (.msrWrite, "wrmsr"), (.msrRead, "rdmsr"), (.halt, "hlt"),
    (.shutdown, "shutdown"), (.interruptWindow, "irq-window"), (.systemEvent, "system-event"),
    (.failure, "failure"), (.inputData, "input"), (.interrupt, "interrupt"),
    (.windowRequest, "window-request"), (.deviceWrite, "dma"), (.kick, "kick"),
    (.keyframe, "keyframe"), (.resync, "resync"),
  ]

  /// The kind's name, or `kind-N` for one this version does not know.
  public var name: String {
    Self.names.first { $0.kind == self }?.name ?? "kind-\(rawValue)"
  }
}

/// Why the host stopped the guest; the `address` of a ``EventKind/kick`` event.
public enum KickReason: UInt64, Sendable, CaseIterable {
  /// The slice was longer than the quantum.
  case quantum = 0
  /// The recording was told to stop.
  case stop = 1
  /// An interrupt window opened on a host where windows are late.
  case lateWindow = 2

  /// The reason in words.
  public var name: String {
    switch self {
    case .quantum: "quantum"
    case .stop: "stop"
    case .lateWindow: "late-window"
    }
  }
}
