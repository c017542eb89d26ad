/// The page called boot_params (or zero page) that Linux's own boot protocol hands over
/// (Documentation/arch/x86/zero-page.rst).
struct LinuxBootParameters {
  /// The page's bytes.
  private(set) var bytes = [UInt8](repeating: 0, count: GuestMemory.pageSize)

  /// Fills the page.
  ///
  /// - Parameters:
  ///   - header: the bzImage's setup header, copied as the protocol demands; an empty one stands
  ///     for a kernel without, and gets the few fields Linux checks.
  ///   - loadAddress: where the protected-mode code was put.
  init(
    header: ArraySlice<UInt8>, loadAddress: UInt64, commandLineAddress: UInt64,
    initrd: Range<UInt64>?, memoryMap: [MemoryMapEntry]
  ) {
    bytes.replaceSubrange(
      LinuxSetupHeader.offset..<LinuxSetupHeader.offset + header.count, with: header)
    put(0xaa55, 2, at: 0x1fe)
    put(0x5372_6448, 4, at: 0x202)  // "HdrS"
    put(0xffff, 2, at: 0x1fa)  // vid_mode: normal
    put(0xff, 1, at: 0x210)  // type_of_loader: none with a number of its own
    put(UInt64(UInt32(truncatingIfNeeded: loadAddress)), 4, at: 0x214)  // code32_start
    put(commandLineAddress, 4, at: 0x228)
    put(0, 8, at: 0x250)  // setup_data: none
    if let initrd {
      put(initrd.lowerBound, 4, at: 0x218)
      put(UInt64(initrd.count), 4, at: 0x21c)
    }
    put(UInt64(memoryMap.count), 1, at: 0x1e8)  // e820_entries
    for (index, entry) in memoryMap.enumerated() {
      let place = 0x2d0 + 20 * index
      put(entry.addresses.lowerBound, 8, at: place)
      put(UInt64(entry.addresses.count), 8, at: place + 8)
      put(UInt64(entry.kind.rawValue), 4, at: place + 16)
    }
  }

  private mutating func put(_ value: UInt64, _ byteCount: Int, at offset: Int) {
    for index in 0..<byteCount {
      bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
    }
  }
}
