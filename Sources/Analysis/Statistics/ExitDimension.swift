public import Trace

/// What exits can be told apart by.
public enum ExitDimension: String, Codable, Sendable, CaseIterable {
  /// The event's kind, or the hardware's exit reason.
  case reason
  /// The I/O port, with the direction.
  case port
  /// The guest physical address, with the direction; of a fault of nested paging the page.
  case gpa
  /// The model-specific register, with the direction.
  case msr
  /// The vCPU.
  case vcpu
  /// The instruction pointer at the exit.
  case rip
  /// The symbol RIP lies in.
  case symbol
  /// The device that answers the port.
  case device
  /// The phase of the guest's life.
  case phase
  /// The vector of an injected interrupt.
  case vector
  /// What ended a HLT.
  case wake
  /// Why the host stopped the guest.
  case cause

  /// The address space it is about, when it is about one: exits that have no address in any of
  /// those asked for are left out of a table.
  var space: AddressSpace? {
    switch self {
    case .port, .device: .port
    case .gpa: .memory
    case .msr: .msr
    case .vector: .vector
    case .cause: .cause
    default: nil
    }
  }
}

/// Which exits a table counts, in perf's words where it has one.
public enum ExitFilter: String, Codable, Sendable, CaseIterable {
  /// All guest-made exits.
  case vmexit
  /// Port accesses.
  case ioport
  /// Accesses outside RAM; of kernel exits, faults of nested paging.
  case mmio
  /// MSR accesses.
  case msr
  /// Injected interrupts, which are no exits; their time is that from pending to injected.
  case irq
  /// Exits the host made.
  case kick
  /// HLT.
  case hlt

  /// Whether an exit belongs to the table.
  @inline(__always)
  func holds(_ exit: borrowing ExitSample) -> Bool {
    let reason = exit.reason
    return switch self {
    case .vmexit: reason.isa != 0 || reason.code < 32
    case .ioport: exit.space == .port
    case .mmio: exit.space == .memory
    case .msr: exit.space == .msr
    case .irq: false
    case .kick: reason.isa == 0 && (48...63).contains(reason.code)
    case .hlt: reason.isHalt
    }
  }

  /// Whether exits of a kind belong to the table, as far as the kind tells.
  @inline(__always)
  func holds(_ kind: EventKind) -> Bool {
    switch self {
    case .vmexit: kind.isGuestMade
    case .ioport: kind == .portWrite || kind == .portRead
    case .mmio: kind == .memoryWrite || kind == .memoryRead
    case .msr: kind == .msrWrite || kind == .msrRead
    case .kick: kind.isHostMade
    case .irq, .hlt: false
    }
  }

  /// What it is told apart by unless something else is asked for.
  public var defaultDimension: ExitDimension {
    switch self {
    case .vmexit: .reason
    case .ioport: .port
    case .mmio: .gpa
    case .msr: .msr
    case .irq: .vector
    case .kick: .cause
    case .hlt: .wake
    }
  }

  /// The filter that fits dimensions when none is asked for.
  public init(fitting dimensions: [ExitDimension]) {
    let wanted = Set(dimensions)
    if wanted.contains(.vector) {
      self = .irq
    } else if wanted.contains(.wake) {
      self = .hlt
    } else if wanted.contains(.cause) {
      self = .kick
    } else {
      self = .vmexit
    }
  }
}

/// Names what the values of dimensions stand for.
public struct ExitNames: Sendable {
  /// Names kernel exits.
  public var kernel: KernelExitName
  /// The phases' names, by number.
  public var phases: [String] = []
  /// The symbols of the guest's kernel.
  public var symbols: SymbolTable?
  /// The devices of the board; `nil` when the board is not known.
  public var ports: DevicePorts?

  /// Makes names from the reel's metadata; `nil` for this version's.
  public init(_ metadata: Metadata? = nil) {
    kernel = KernelExitName(metadata)
    ports = metadata.flatMap { DeviceNames(board: $0.board.name, tsc: $0.policies.tsc) }
      .map { DevicePorts($0) }
  }

  /// The name of a reason.
  public func name(_ reason: ExitReason) -> String {
    reason.kind?.name ?? kernel.name(isa: reason.isa, reason: reason.code)
  }
}
