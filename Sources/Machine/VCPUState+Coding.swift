public import Bytes

/// One component of a vCPU's state as bytes, for a store that need not understand it.
public struct VCPUStateEntry: Equatable, Sendable {
  /// Which component; see ``VCPUStateKind``.
  public var kind: UInt16
  /// The version of the component's layout.
  public var version: UInt16
  /// The component in its own little-endian layout.
  public var bytes: [UInt8]

  /// Makes an entry.
  public init(kind: UInt16, version: UInt16, bytes: [UInt8]) {
    self.kind = kind
    self.version = version
    self.bytes = bytes
  }
}

/// The components of a vCPU's state.
///
/// All are required; numbers are never reused.
public enum VCPUStateKind: UInt16, CaseIterable, Sendable {
  /// 18 × u64: RAX RBX RCX RDX RSI RDI RSP RBP R8–R15 RIP RFLAGS.
  case registers = 1
  /// 8 × segment (u64 base, u32 limit, u16 selector, u8 type, u8 attributes, u8 unusable) in the
  /// order CS DS ES FS GS SS TR LDTR; GDTR, IDTR (u64 base, u16 limit); u64 CR0 CR2 CR3 CR4 CR8
  /// EFER APIC base.
  case system = 2
  /// The area itself: 512 (FXSAVE) or 4096 (XSAVE) bytes.
  case floatingPoint = 3
  /// varint count (≤ 16), then u32 index, u64 value each.
  case extendedControl = 4
  /// varint count (≤ 1024), then u32 index, u64 value each.
  case modelSpecific = 5
  /// u8 exception state, u8 vector, u32 error code, u64 payload; u8 interrupt state, u8 vector,
  /// u8 shadow; u8 NMI state; u8 SMI state; u32 start-up vector; u8 triple fault.
  case events = 6
  /// 4 × u64 addresses, u64 DR6, u64 DR7.
  case debug = 7
  /// u32 mp_state.
  case multiprocessingState = 8

  /// The layout version written, and the only one read, of every component.
  static let version: UInt16 = 1
}

/// Why entries do not make a vCPU state.
public enum VCPUStateCodingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A component is missing.
  case missing(VCPUStateKind)
  /// A component is there twice.
  case duplicate(VCPUStateKind)
  /// A component has a layout this version does not know.
  case unsupportedVersion(VCPUStateKind, version: UInt16)
  /// A component's bytes end early or hold an impossible count.
  case malformed(VCPUStateKind, ByteReaderError)
  /// A component has bytes after its last field, or an area of no valid size.
  case wrongSize(VCPUStateKind, byteCount: Int)

  /// What is wrong, in a clause.
  public var description: String {
    switch self {
    case .missing(let kind): "its \(kind.name) are missing"
    case .duplicate(let kind): "its \(kind.name) are there twice"
    case .unsupportedVersion(let kind, let version):
      "its \(kind.name) have layout \(version), which this version does not know"
    case .malformed(let kind, _): "its \(kind.name) end early or hold an impossible count"
    case .wrongSize(let kind, let byteCount):
      "its \(kind.name) have \(byteCount) bytes, which is not their size"
    }
  }
}

extension VCPUStateKind {
  /// What a sentence calls the component; a plural.
  fileprivate var name: String {
    switch self {
    case .registers: "general registers"
    case .system: "system registers"
    case .floatingPoint: "floating-point registers"
    case .extendedControl: "extended control registers"
    case .modelSpecific: "model-specific registers"
    case .events: "pending events"
    case .debug: "debug registers"
    case .multiprocessingState: "scheduling bits"
    }
  }
}

extension VCPUState {
  /// The state as one entry for each component, in ascending kind.
  public var entries: [VCPUStateEntry] {
    VCPUStateKind.allCases.map { kind in
      VCPUStateEntry(
        kind: kind.rawValue, version: VCPUStateKind.version, bytes: encoded(kind))
    }
  }

  /// Reads a state from entries, in any order; ones of unknown kinds are left out.
  ///
  /// - Throws: ``VCPUStateCodingError``; the bytes may come from anybody.
  public init(entries: [VCPUStateEntry]) throws(VCPUStateCodingError) {
    self.init()
    var found: Set<VCPUStateKind> = []
    for entry in entries {
      guard let kind = VCPUStateKind(rawValue: entry.kind) else { continue }
      guard found.insert(kind).inserted else { throw .duplicate(kind) }
      guard entry.version == VCPUStateKind.version else {
        throw .unsupportedVersion(kind, version: entry.version)
      }
      var reader = ByteReader(entry.bytes)
      do throws(ByteReaderError) {
        try decode(kind, from: &reader)
      } catch {
        throw .malformed(kind, error)
      }
      guard reader.isAtEnd, kind != .floatingPoint || [512, 4096].contains(entry.bytes.count)
      else { throw .wrongSize(kind, byteCount: entry.bytes.count) }
    }
    if let kind = VCPUStateKind.allCases.first(where: { !found.contains($0) }) {
      throw .missing(kind)
    }
  }

  private func encoded(_ kind: VCPUStateKind) -> [UInt8] {
    var writer = ByteWriter()
    switch kind {
    case .registers: registers.named.forEach { writer.append($0.value) }
    case .system: system.encode(into: &writer)
    case .floatingPoint: writer.append(bytes: floatingPoint)
    case .extendedControl: writer.append(registers: extendedControl)
    case .modelSpecific: writer.append(registers: modelSpecific)
    case .events: events.encode(into: &writer)
    case .debug:
      debug.addresses.forEach { writer.append($0) }
      writer.append(debug.dr6)
      writer.append(debug.dr7)
    case .multiprocessingState: writer.append(multiprocessingState)
    }
    return writer.bytes
  }

  private mutating func decode(
    _ kind: VCPUStateKind, from reader: inout ByteReader
  ) throws(ByteReaderError) {
    switch kind {
    case .registers: registers = try GeneralRegisters(from: &reader)
    case .system: system = try SystemRegisters(from: &reader)
    case .floatingPoint: floatingPoint = Array(try reader.readBytes(reader.remaining))
    case .extendedControl: extendedControl = try reader.readRegisters(limit: 16)
    case .modelSpecific: modelSpecific = try reader.readRegisters(limit: 1024)
    case .events: events = try VCPUEvents(from: &reader)
    case .debug:
      for index in debug.addresses.indices { debug.addresses[index] = try reader.read() }
      debug.dr6 = try reader.read()
      debug.dr7 = try reader.read()
    case .multiprocessingState: multiprocessingState = try reader.read()
    }
  }
}

extension ByteWriter {
  fileprivate mutating func append(registers: [IndexedRegister]) {
    append(varint: UInt64(registers.count))
    for register in registers {
      append(register.index)
      append(register.value)
    }
  }
}

extension ByteReader {
  fileprivate mutating func readRegisters(
    limit: Int
  ) throws(ByteReaderError) -> [IndexedRegister] {
    let count = try readCount(limit: limit)
    var registers: [IndexedRegister] = []
    for _ in 0..<count {
      registers.append(IndexedRegister(index: try read(), value: try read()))
    }
    return registers
  }
}

extension GeneralRegisters {
  fileprivate init(from reader: inout ByteReader) throws(ByteReaderError) {
    self.init()
    (rax, rbx, rcx, rdx) = (
      try reader.read(), try reader.read(), try reader.read(), try reader.read()
    )
    (rsi, rdi, rsp, rbp) = (
      try reader.read(), try reader.read(), try reader.read(), try reader.read()
    )
    (r8, r9, r10, r11) = (
      try reader.read(), try reader.read(), try reader.read(), try reader.read()
    )
    (r12, r13, r14, r15) = (
      try reader.read(), try reader.read(), try reader.read(), try reader.read()
    )
    (rip, rflags) = (try reader.read(), try reader.read())
  }
}

extension SystemRegisters {
  fileprivate func encode(into writer: inout ByteWriter) {
    for segment in segments {
      writer.append(segment.base)
      writer.append(segment.limit)
      writer.append(segment.selector)
      writer.append(segment.type)
      writer.append(segment.attributes)
      writer.append(segment.isUnusable ? 1 as UInt8 : 0)
    }
    for table in [gdt, idt] {
      writer.append(table.base)
      writer.append(table.limit)
    }
    for register in [cr0, cr2, cr3, cr4, cr8, efer, apicBase] { writer.append(register) }
  }

  fileprivate init(from reader: inout ByteReader) throws(ByteReaderError) {
    self.init()
    for index in segments.indices {
      segments[index].base = try reader.read()
      segments[index].limit = try reader.read()
      segments[index].selector = try reader.read()
      segments[index].type = try reader.read()
      segments[index].attributes = try reader.read()
      segments[index].isUnusable = try reader.read(UInt8.self) != 0
    }
    (gdt.base, gdt.limit) = (try reader.read(), try reader.read())
    (idt.base, idt.limit) = (try reader.read(), try reader.read())
    (cr0, cr2, cr3, cr4) = (
      try reader.read(), try reader.read(), try reader.read(), try reader.read()
    )
    (cr8, efer, apicBase) = (try reader.read(), try reader.read(), try reader.read())
  }
}

extension VCPUEvents {
  fileprivate func encode(into writer: inout ByteWriter) {
    writer.append(exceptionState)
    writer.append(exceptionVector)
    writer.append(exceptionErrorCode)
    writer.append(exceptionPayload)
    for byte in [interruptState, interruptVector, interruptShadow, nmiState, smiState] {
      writer.append(byte)
    }
    writer.append(startupVector)
    writer.append(tripleFaultPending)
  }

  fileprivate init(from reader: inout ByteReader) throws(ByteReaderError) {
    self.init()
    (exceptionState, exceptionVector) = (try reader.read(), try reader.read())
    (exceptionErrorCode, exceptionPayload) = (try reader.read(), try reader.read())
    (interruptState, interruptVector) = (try reader.read(), try reader.read())
    (interruptShadow, nmiState, smiState) = (
      try reader.read(), try reader.read(), try reader.read()
    )
    (startupVector, tripleFaultPending) = (try reader.read(), try reader.read())
  }
}
