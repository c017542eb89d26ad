/// What a PVH guest finds: `hvm_start_info` version 1, its module list and its memory map
/// (Xen's public/arch-x86/hvm/start_info.h).
///
///     0x00 magic  0x04 version  0x08 flags  0x0c nr_modules  0x10 modlist_paddr
///     0x18 cmdline_paddr  0x20 rsdp_paddr  0x28 memmap_paddr  0x30 memmap_entries
struct PVHStartInformation {
  /// Where the parts lie in ``bytes``: the structure, one module of 32 bytes, the memory map.
  private static let modulesOffset: UInt64 = 0x40
  private static let memoryMapOffset: UInt64 = 0x80

  /// All parts, for ``GuestMemoryLayout/linuxBootFacts``.
  let bytes: [UInt8]

  init(commandLineAddress: UInt64, initrd: Range<UInt64>?, memoryMap: [MemoryMapEntry]) {
    let base = GuestMemoryLayout.linuxBootFacts.lowerBound
    var words: [UInt64] = [
      1 << 32 | 0x336e_c578,  // version, magic
      UInt64(initrd == nil ? 0 : 1) << 32,  // nr_modules, flags
      initrd == nil ? 0 : base + Self.modulesOffset,
      commandLineAddress,
      0,  // rsdp_paddr: no ACPI
      base + Self.memoryMapOffset,
      UInt64(memoryMap.count),
      0,
    ]
    words += [initrd?.lowerBound ?? 0, UInt64(initrd?.count ?? 0), 0, 0, 0, 0, 0, 0]
    for entry in memoryMap {
      words += [
        entry.addresses.lowerBound, UInt64(entry.addresses.count), UInt64(entry.kind.rawValue),
      ]
    }
    bytes = words.flatMap { word in
      (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
    }
  }
}
