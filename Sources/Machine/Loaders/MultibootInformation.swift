/// The information structure a Multiboot kernel finds at EBX (Multiboot 0.6.96, 3.3), with what
/// it points to.
///
/// Filled in are: memory sizes, command line, modules, memory map and loader name.
struct MultibootInformation {
  /// A module in its place.
  struct Module {
    var start: UInt64
    var end: UInt64
    var commandLine: String
  }

  private static let loaderName = "vmreel"
  /// Memory sizes, command line, modules, memory map, loader name: bits 0, 2, 3, 6 and 9.
  private static let flags: UInt32 = 0x24d

  private let modules: [Module]
  private let ramByteCount: UInt64
  private var texts: [UInt8] = []
  private var loaderNameAddress: UInt32 = 0
  private var commandLineAddress: UInt32 = 0
  private var moduleTextAddresses: [UInt32] = []

  /// Lays out the texts.
  init(commandLine: String, modules: [Module], ramByteCount: UInt64) throws(LoaderError) {
    self.modules = modules
    self.ramByteCount = ramByteCount
    loaderNameAddress = try appendText(Self.loaderName)
    commandLineAddress = try appendText(commandLine)
    for module in modules {
      moduleTextAddresses.append(try appendText(module.commandLine))
    }
  }

  /// Writes everything to its fixed place, which every RAM size has.
  func write(into memory: GuestMemory) {
    memory.write(header, at: GuestMemoryLayout.multibootInformation)
    memory.write(memoryMap, at: GuestMemoryLayout.multibootMemoryMap)
    memory.write(moduleList, at: GuestMemoryLayout.multibootModuleList)
    memory.write(texts, at: GuestMemoryLayout.multibootTexts.lowerBound)
  }

  /// Adds a zero-terminated text and returns its address.
  private mutating func appendText(_ text: String) throws(LoaderError) -> UInt32 {
    let area = GuestMemoryLayout.multibootTexts
    let address = area.lowerBound + UInt64(texts.count)
    let byteCount = texts.count + text.utf8.count + 1
    guard byteCount <= area.count else {
      throw .tooMany(what: "bytes of command lines", count: byteCount, limit: area.count)
    }
    texts += Array(text.utf8) + [0]
    return UInt32(address)
  }

  private var header: [UInt8] {
    let lowerKiB = UInt32(GuestMemoryLayout.legacyHole.lowerBound >> 10)
    let upperKiB = UInt32((ramByteCount - GuestMemoryLayout.extendedMemory) >> 10)
    let fields: [UInt32] = [
      Self.flags, lowerKiB, upperKiB,
      0,  // boot_device
      commandLineAddress,
      UInt32(modules.count), UInt32(GuestMemoryLayout.multibootModuleList),
      0, 0, 0, 0,  // syms
      UInt32(memoryMap.count), UInt32(GuestMemoryLayout.multibootMemoryMap),
      0, 0, 0,  // drives_length, drives_addr, config_table
      loaderNameAddress,
    ]
    return littleEndian(fields)
  }

  /// Entries of 24 bytes: size of the rest, base, length, type (1 usable, 2 reserved).
  private var memoryMap: [UInt8] {
    MemoryMapEntry.map(ramByteCount: ramByteCount).flatMap { entry in
      let base = entry.addresses.lowerBound
      let length = UInt64(entry.addresses.count)
      return littleEndian([
        20, low(base), high(base), low(length), high(length), entry.kind.rawValue,
      ])
    }
  }

  private var moduleList: [UInt8] {
    zip(modules, moduleTextAddresses).flatMap { module, text in
      littleEndian([low(module.start), low(module.end), text, 0])
    }
  }

  private func low(_ value: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: value) }
  private func high(_ value: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: value >> 32) }

  private func littleEndian(_ fields: [UInt32]) -> [UInt8] {
    fields.flatMap { field in
      (0..<4).map { UInt8(truncatingIfNeeded: field >> UInt32(8 * $0)) }
    }
  }
}
