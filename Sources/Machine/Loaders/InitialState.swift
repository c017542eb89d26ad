/// The three states a guest can start in, as values for KVM_SET_SREGS and bytes for RAM.
///
/// All hold on every KVM: segment caches as after a load from the descriptors given (Intel SDM
/// volume 3, 27.3.1.2 lists what VM entry checks), the task register busy, the LDT empty.
enum InitialState {
  static let codeSelector: UInt16 = 0x08
  static let dataSelector: UInt16 = 0x10

  /// 16-bit real mode with all bases 0, otherwise as after reset.
  static var realMode: SystemRegisters {
    var code = SegmentRegister()
    code.limit = 0xffff
    code.type = 0xb
    code.attributes = Attribute.present | Attribute.codeOrData
    var data = code
    data.type = 0x3
    var system = common(code: code, data: data)
    system.cr0 = ControlBit.extensionType
    system.idt.limit = UInt16(GuestMemoryLayout.interruptVectorTable.upperBound - 1)
    return system
  }

  /// 32-bit protected mode, flat segments, no paging (Multiboot 0.6.96, 3.2).
  static var protectedMode32: SystemRegisters {
    var code = flatData
    code.selector = codeSelector
    code.type = 0xb
    var system = common(code: code, data: flatData)
    system.cr0 = ControlBit.protection | ControlBit.extensionType
    setDescriptorTable(&system)
    return system
  }

  /// 64-bit mode on the page tables of ``pageTables``.
  ///
  /// FXSR and SIMD exceptions are on, so that SSE instructions work.
  static var longMode64: SystemRegisters {
    var code = flatData
    code.selector = codeSelector
    code.type = 0xb
    code.attributes = code.attributes & ~Attribute.defaultSize32 | Attribute.longMode
    var system = common(code: code, data: flatData)
    system.cr0 =
      ControlBit.protection | ControlBit.monitorCoprocessor | ControlBit.extensionType
      | ControlBit.numericError | ControlBit.paging
    system.cr3 = GuestMemoryLayout.pageMapLevel4
    system.cr4 =
      ControlBit.physicalAddressExtension | ControlBit.fxsr | ControlBit.simdExceptions
    system.efer = ControlBit.longModeEnable | ControlBit.longModeActive
    setDescriptorTable(&system)
    return system
  }

  /// ``protectedMode32`` with the selectors Linux's boot protocol demands.
  static var linux32: SystemRegisters { withLinuxSelectors(protectedMode32) }

  /// ``longMode64`` with the selectors Linux's boot protocol demands.
  static var linux64: SystemRegisters { withLinuxSelectors(longMode64) }

  /// __BOOT_CS and __BOOT_DS: one descriptor higher than ours.
  private static func withLinuxSelectors(_ state: SystemRegisters) -> SystemRegisters {
    var state = state
    for index in 0..<6 { state.segments[index].selector += 8 }
    state.gdt.limit += 8
    return state
  }

  /// A GDT for Linux: the given one behind one more null descriptor.
  static func linuxDescriptorTable(_ table: [UInt8]) -> [UInt8] {
    [UInt8](repeating: 0, count: 8) + table
  }

  /// The GDT for ``protectedMode32``: null, code, data; accessed bits set, so that the processor
  /// never writes here.
  static var descriptorTable32: [UInt8] {
    littleEndian([0, 0x00cf_9b00_0000_ffff, 0x00cf_9300_0000_ffff])
  }

  /// The GDT for ``longMode64``: null, code, data; accessed bits set.
  static var descriptorTable64: [UInt8] {
    littleEndian([0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff])
  }

  /// Page tables that map the first 4 GiB one to one with 2 MiB pages.
  ///
  /// Accessed and dirty bits are set beforehand: walks, speculative ones too, then leave these
  /// pages as they are. The bytes belong at ``GuestMemoryLayout/pageMapLevel4``.
  static var pageTables: [UInt8] {
    let tableFlags: UInt64 = 0x23
    let pageFlags: UInt64 = 0xe3
    var entries = [UInt64](repeating: 0, count: 6 * 512)
    entries[0] = GuestMemoryLayout.pageDirectoryPointers | tableFlags
    for index in 0..<4 {
      entries[512 + index] = GuestMemoryLayout.pageDirectories + UInt64(index) << 12 | tableFlags
    }
    for index in 0..<2048 {
      entries[1024 + index] = UInt64(index) << 21 | pageFlags
    }
    return littleEndian(entries)
  }

  private static var flatData: SegmentRegister {
    var data = SegmentRegister()
    data.limit = 0xffff_ffff
    data.selector = dataSelector
    data.type = 0x3
    data.attributes =
      Attribute.present | Attribute.codeOrData | Attribute.defaultSize32 | Attribute.granularity
    return data
  }

  private static func common(code: SegmentRegister, data: SegmentRegister) -> SystemRegisters {
    var task = SegmentRegister()
    task.limit = 0xffff
    task.type = 0xb
    task.attributes = Attribute.present
    var local = task
    local.type = 0x2
    var system = SystemRegisters()
    system.segments = [code, data, data, data, data, data, task, local]
    system.apicBase = disabledAPICBase
    return system
  }

  private static func setDescriptorTable(_ system: inout SystemRegisters) {
    system.gdt.base = GuestMemoryLayout.globalDescriptorTable
    system.gdt.limit = 3 * 8 - 1
  }

  private static func littleEndian(_ quadwords: [UInt64]) -> [UInt8] {
    quadwords.flatMap { word in
      (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
  }

  /// The bootstrap processor's APIC base with the APIC switched off: with bit 11 set, KVM shows
  /// an APIC in CPUID leaf 1 whatever KVM_SET_CPUID2 said.
  private static let disabledAPICBase: UInt64 = 0xfee0_0100

  /// Bits of ``SegmentRegister/attributes``.
  private enum Attribute {
    static let present: UInt8 = 1 << 0
    static let defaultSize32: UInt8 = 1 << 3
    static let codeOrData: UInt8 = 1 << 4
    static let longMode: UInt8 = 1 << 5
    static let granularity: UInt8 = 1 << 6
  }

  /// Bits of CR0, CR4 and EFER.
  private enum ControlBit {
    static let protection: UInt64 = 1 << 0
    static let monitorCoprocessor: UInt64 = 1 << 1
    static let extensionType: UInt64 = 1 << 4
    static let numericError: UInt64 = 1 << 5
    static let paging: UInt64 = 1 << 31
    static let physicalAddressExtension: UInt64 = 1 << 5
    static let fxsr: UInt64 = 1 << 9
    static let simdExceptions: UInt64 = 1 << 10
    static let longModeEnable: UInt64 = 1 << 8
    static let longModeActive: UInt64 = 1 << 10
  }
}
