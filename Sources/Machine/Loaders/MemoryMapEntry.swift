/// One line of the memory map every boot protocol hands over in its own layout.
struct MemoryMapEntry: Equatable {
  /// What the guest may do with the memory; the numbers are E820's, Multiboot's and PVH's alike.
  enum Kind: UInt32 {
    case usable = 1
    case reserved = 2
  }

  /// Guest physical addresses.
  var addresses: Range<UInt64>
  /// What they are.
  var kind: Kind

  /// The map of a machine with this much RAM, ascending; no line is empty.
  static func map(ramByteCount: UInt64) -> [MemoryMapEntry] {
    let hole = GuestMemoryLayout.legacyHole
    let entries = [
      MemoryMapEntry(addresses: 0..<hole.lowerBound, kind: .usable),
      MemoryMapEntry(addresses: hole, kind: .reserved),
      MemoryMapEntry(
        addresses: GuestMemoryLayout
          .extendedMemory..<max(ramByteCount, GuestMemoryLayout.extendedMemory),
        kind: .usable),
      MemoryMapEntry(addresses: GuestMemoryLayout.hypervisorPages, kind: .reserved),
    ]
    return entries.filter { !$0.addresses.isEmpty }
  }
}
