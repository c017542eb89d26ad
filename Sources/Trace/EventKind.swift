/// What an event is; an open set, so that a reader keeps kinds it does not know.
///
/// 1–31 are guest-made exits, 32–47 inputs, 48–63 host-made exits, 64–79 marks of the recorder.
public struct EventKind: RawRepresentable, Hashable, Sendable {
  /// The number as stored.
  public let rawValue: UInt8
  /// Makes a kind from its number.
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  // Computed, since a kind that loops over events compare with should be a constant there.

  /// OUT: `address` port, `width`, `value` or payload of `count` elements.
  public static var portWrite: EventKind { EventKind(rawValue: 1) }
  /// IN: `address` port, `width`, `count`; an ``inputData`` event follows.
  public static var portRead: EventKind { EventKind(rawValue: 2) }
  /// A store outside RAM: `address` guest physical, `width`, `value`.
  public static var memoryWrite: EventKind { EventKind(rawValue: 3) }
  /// A load outside RAM: `address`, `width`; an ``inputData`` event follows.
  public static var memoryRead: EventKind { EventKind(rawValue: 4) }
  /// WRMSR: `address` MSR index, `value`.
  public static var msrWrite: EventKind { EventKind(rawValue: 5) }
  /// RDMSR: `address` MSR index; an ``inputData`` event follows.
  public static var msrRead: EventKind { EventKind(rawValue: 6) }
  /// HLT.
  public static var halt: EventKind { EventKind(rawValue: 7) }
  /// Triple fault or shutdown.
  public static var shutdown: EventKind { EventKind(rawValue: 8) }
  /// The requested interrupt window opened, on a host where windows are exact.
  public static var interruptWindow: EventKind { EventKind(rawValue: 9) }
  /// A system event: `address` its KVM_SYSTEM_EVENT_* type.
  public static var systemEvent: EventKind { EventKind(rawValue: 10) }
  /// KVM gave up on the guest: `address` KVM_EXIT_* code, `value` suberror or hardware reason.
  public static var failure: EventKind { EventKind(rawValue: 11) }

  /// What the runner answered a read with: `width`, `value` or payload.
  public static var inputData: EventKind { EventKind(rawValue: 32) }
  /// An injected external interrupt: `address` vector.
  public static var interrupt: EventKind { EventKind(rawValue: 33) }
  /// The runner asked for an interrupt window (hosts where windows are exact).
  public static var windowRequest: EventKind { EventKind(rawValue: 34) }

  /// A device wrote into guest memory: `address` guest physical, `count` bytes, `device`; the data are
  /// the payload, or lie in a disk `image` at offset `value`.
  public static var deviceWrite: EventKind { EventKind(rawValue: 35) }

  /// The host stopped the guest: `address` a ``KickReason``; a seal keyframe follows.
  public static var kick: EventKind { EventKind(rawValue: 48) }

  /// A keyframe was taken here: `address` its number.
  public static var keyframe: EventKind { EventKind(rawValue: 64) }

  /// A replay that had diverged took the state of keyframe `address` and went on.
  public static var resync: EventKind { EventKind(rawValue: 65) }

  /// Whether the guest made this exit, so that replay must make it too.
  public var isGuestMade: Bool { rawValue &- 1 < 31 }
  /// Whether this is something the runner gave to the guest.
  public var isInput: Bool { (32...47).contains(rawValue) }
  /// Whether this exit was made by the host.
  public var isHostMade: Bool { rawValue &- 48 < 16 }
  /// Whether this ended a slice of guest execution, so that its times are its own.
  public var isExit: Bool {
    // It cannot be both; unlike "or" this takes no branch, in loops over millions of kinds.
    isGuestMade != isHostMade
  }
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
