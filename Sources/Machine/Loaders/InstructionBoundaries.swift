/// Where instructions begin in a Linux kernel, as far as its unwind table says.
///
/// Each entry of `.orc_unwind_ip` is the address of an instruction, relative to the entry
/// (Linux, `arch/x86/include/asm/orc_types.h`). Where the kernel patches itself at boot, entries
/// also stand for the instructions it may put there; these are left out.
struct InstructionBoundaries {
  /// Ascending virtual addresses.
  let addresses: [UInt64]

  init(_ bytes: [UInt8], _ sections: [ELFSection]) throws(LoaderError) {
    guard let table = sections.first(where: { $0.name == ".orc_unwind_ip" }),
      let alternatives = try Self.alternatives(bytes, sections)
    else {
      addresses = []
      return
    }
    let fields = ImageFields(bytes: bytes)
    var found: [UInt64] = []
    found.reserveCapacity(table.file.count / 4)
    for offset in stride(from: 0, to: table.file.count - table.file.count % 4, by: 4) {
      found.append(try fields.relative(table, offset))
    }
    found.sort()
    addresses = Self.removing(alternatives, from: found)
  }

  /// The first boundary above an address.
  func next(above address: UInt64) -> Int {
    var low = 0
    var high = addresses.count
    while low < high {
      let middle = (low + high) / 2
      if addresses[middle] <= address { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The addresses inside (not at the beginning of) the instructions that may be replaced, ascending
  /// by their beginning; `nil` when the table's layout is not one this knows.
  private static func alternatives(
    _ bytes: [UInt8], _ sections: [ELFSection]
  ) throws(LoaderError) -> [Range<UInt64>]? {
    guard let table = sections.first(where: { $0.name == ".altinstructions" }) else { return [] }
    let code = sections.filter(\.isExecutable)
    let fields = ImageFields(bytes: bytes)
    // `struct alt_instr`: place and replacement relative to themselves, a feature of 2 bytes (Linux
    // 5.10 to 6.2) or 4 (since 6.3), both lengths.
    for size in [12, 14] where table.file.count % size == 0 {
      var ranges: [Range<UInt64>] = []
      for offset in stride(from: 0, to: table.file.count, by: size) {
        let start = try fields.relative(table, offset)
        let length = UInt64(bytes[table.file.lowerBound + offset + size - 2])
        guard start < UInt64.max - 256,
          code.contains(where: { $0.contains(start, byteCount: length) })
        else { break }
        ranges.append(start + 1..<start + max(1, length))
      }
      if ranges.count == table.file.count / size {
        return ranges.sorted { $0.lowerBound < $1.lowerBound }
      }
    }
    return nil
  }

  private static func removing(
    _ ranges: [Range<UInt64>], from addresses: [UInt64]
  ) -> [UInt64] {
    var kept: [UInt64] = []
    kept.reserveCapacity(addresses.count)
    var index = 0
    var end: UInt64 = 0
    for address in addresses where address != kept.last {
      // Nested alternatives begin at one address and differ in length.
      while index < ranges.count, ranges[index].lowerBound <= address {
        end = max(end, ranges[index].upperBound)
        index += 1
      }
      let isBeginning = index > 0 && address &+ 1 == ranges[index - 1].lowerBound
      if address >= end || isBeginning { kept.append(address) }
    }
    return kept
  }
}

extension ELFSection {
  /// Whether a stretch of virtual addresses lies in the section.
  fileprivate func contains(_ start: UInt64, byteCount: UInt64) -> Bool {
    start >= address && start - address <= UInt64(file.count)
      && byteCount <= UInt64(file.count) - (start - address)
  }
}

extension ImageFields {
  /// The address that a signed 32-bit distance from itself names.
  fileprivate func relative(_ section: ELFSection, _ offset: Int) throws(LoaderError) -> UInt64 {
    let distance: UInt32 = try read(
      at: UInt64(section.file.lowerBound + offset), "an entry of \(section.name)")
    return section.address &+ UInt64(offset)
      &+ UInt64(bitPattern: Int64(Int32(bitPattern: distance)))
  }
}
