internal import Machine

/// A tracepoint whose fields an import uses.
enum LogTracepoint {
  case entry, exit, pio, mmio, fastMMIO, msr, pageFault, userspaceExit

  private static let entryName = LogWord("kvm_entry")
  private static let exitName = LogWord("kvm_exit")
  private static let pioName = LogWord("kvm_pio")
  private static let mmioName = LogWord("kvm_mmio")
  private static let fastMMIOName = LogWord("kvm_fast_mmio")
  private static let msrName = LogWord("kvm_msr")
  private static let pageFaultName = LogWord("kvm_page_fault")
  private static let userspaceExitName = LogWord("kvm_userspace_exit")

  /// The tracepoint of a name; `nil` for those that no exit needs.
  init?(_ line: Span<UInt8>, _ name: Range<Int>) {
    switch line.word(name) {
    case Self.entryName: self = .entry
    case Self.exitName: self = .exit
    case Self.pioName: self = .pio
    case Self.mmioName: self = .mmio
    case Self.msrName: self = .msr
    // Eight bytes and a length are not all of these.
    case Self.fastMMIOName where line.has("kvm_fast_mmio", at: name.lowerBound): self = .fastMMIO
    case Self.pageFaultName where line.has("kvm_page_fault", at: name.lowerBound): self = .pageFault
    case Self.userspaceExitName where line.has("kvm_userspace_exit", at: name.lowerBound):
      self = .userspaceExit
    default: return nil
    }
  }

  var name: String {
    switch self {
    case .entry: "kvm_entry"
    case .exit: "kvm_exit"
    case .pio: "kvm_pio"
    case .mmio: "kvm_mmio"
    case .fastMMIO: "kvm_fast_mmio"
    case .msr: "kvm_msr"
    case .pageFault: "kvm_page_fault"
    case .userspaceExit: "kvm_userspace_exit"
    }
  }
}

/// The fields of a tracepoint, `name value` or, of some, words in between.
///
/// Kernels before 5.10 print `info %llx %llx` where later ones have a name for each field, and those
/// before 5.2 have no vCPU in kvm_exit; trace-cmd prints as the old ones do. A field that is not
/// there reads as 0, a name that is new is passed over.
struct LogFields {
  var vcpu: UInt64?
  var rip: UInt64 = 0
  var info1: UInt64 = 0
  var info2: UInt64 = 0
  var interruptInformation: UInt64 = 0
  var errorCode: UInt64 = 0
  /// `at`, `gpa` or `address`.
  var address: UInt64?
  /// `size` or `len`.
  var width: UInt64?
  var count: UInt64?
  var value: UInt64 = 0

  private enum Name {
    static let vcpu = LogWord("vcpu")
    static let rip = LogWord("rip")
    static let info1 = LogWord("info1")
    static let info2 = LogWord("info2")
    static let info = LogWord("info")
    static let interruptInformation = LogWord("intr_info")
    static let errorCode = LogWord("error_code")
    static let at = LogWord("at")
    static let gpa = LogWord("gpa")
    static let address = LogWord("address")
    static let size = LogWord("size")
    static let len = LogWord("len")
    static let count = LogWord("count")
    static let val = LogWord("val")
  }

  init(_ line: Span<UInt8>, from start: Int) {
    var index = line.skippingSpaces(start)
    while index < line.count {
      let end = line.tokenEnd(index)
      let name = line.word(index..<end)
      index = line.skippingSpaces(end)
      switch name {
      case Name.vcpu: vcpu = line.decimal(&index)
      case Name.rip: rip = line.hexadecimal(&index) ?? 0
      case Name.info1: info1 = line.hexadecimal(&index) ?? 0
      case Name.info2: info2 = line.hexadecimal(&index) ?? 0
      case Name.info:
        info1 = line.hexadecimal(&index) ?? 0
        index = line.skippingSpaces(index)
        info2 = line.hexadecimal(&index) ?? 0
      case Name.interruptInformation: interruptInformation = line.hexadecimal(&index) ?? 0
      case Name.errorCode: errorCode = line.hexadecimal(&index) ?? 0
      case Name.at, Name.gpa, Name.address:
        // `at 0x80`, but `at gpa 0xfed00000` too.
        guard let number = line.hexadecimal(&index) else { continue }
        address = number
      case Name.size, Name.len: width = line.decimal(&index)
      case Name.count: count = line.decimal(&index)
      case Name.val: value = line.hexadecimal(&index) ?? 0
      default: continue
      }
      index = line.skippingSpaces(line.tokenEnd(index))
    }
  }
}

extension TracedAccess {
  /// `pio_write at 0x3f8 size 1 count 1 val 0x41`.
  init?(port line: Span<UInt8>, from start: Int) {
    let isWrite = line.has("pio_write ", at: start)
    guard isWrite || line.has("pio_read ", at: start) else { return nil }
    let fields = LogFields(line, from: line.tokenEnd(start))
    guard let address = fields.address, address <= 0xffff, let width = fields.width else {
      return nil
    }
    self.init(
      .port, isWrite: isWrite, width: UInt8(clamping: width),
      count: UInt32(clamping: fields.count ?? 1), address: address, value: fields.value)
  }

  /// `mmio write len 4 gpa 0xfed00000 val 0x1`.
  init?(memory line: Span<UInt8>, from start: Int, isWrite: Bool) {
    let fields = LogFields(line, from: start)
    guard let address = fields.address, let width = fields.width else { return nil }
    self.init(
      .memory, isWrite: isWrite, width: UInt8(clamping: width), address: address,
      value: fields.value)
  }

  /// `msr_read 277 = 0x7040600070406`, with ` (#GP)` behind it where the guest got one.
  init?(msr line: Span<UInt8>, from start: Int) {
    let isWrite = line.has("msr_write ", at: start)
    guard isWrite || line.has("msr_read ", at: start) else { return nil }
    var index = line.skippingSpaces(line.tokenEnd(start))
    guard let register = line.hexadecimal(&index) else { return nil }
    index = line.skippingSpaces(index)
    guard line.byte(index) == 0x3d, register <= UInt32.max else { return nil }
    index = line.skippingSpaces(index + 1)
    guard let value = line.hexadecimal(&index) else { return nil }
    self.init(.msr, isWrite: isWrite, width: 8, address: register, value: value)
  }
}

/// An exit and the vCPU the line names, which only kernels from 5.2 on do.
struct LogExit {
  var exit = KernelExit()
  var vcpu: UInt64?

  /// `vcpu 0 reason npf rip 0x1000 info1 … info2 … intr_info … error_code …`, and the layouts before.
  init?(_ line: Span<UInt8>, from start: Int, at nanoseconds: UInt64, _ reasons: inout LogReasons) {
    var begin = start
    if line.has("vcpu ", at: begin) {
      begin += 5
      vcpu = line.decimal(&begin)
      begin = line.skippingSpaces(begin)
    }
    guard line.has("reason ", at: begin) else { return nil }
    begin += 7
    // A name may have words: `DB excp`, `EPT_VIOLATION FAILED_VMENTRY`.
    guard let end = line.find(" rip ", from: begin), let code = reasons.code(line, begin..<end)
    else { return nil }
    let fields = LogFields(line, from: end)
    vcpu = vcpu ?? fields.vcpu
    exit.isa = code.isa
    exit.reason = code.reason
    exit.rip = fields.rip
    exit.info1 = fields.info1
    exit.info2 = fields.info2
    exit.interruptInformation = UInt32(truncatingIfNeeded: fields.interruptInformation)
    exit.errorCode = UInt32(truncatingIfNeeded: fields.errorCode)
    exit.exitNanoseconds = nanoseconds
  }
}
