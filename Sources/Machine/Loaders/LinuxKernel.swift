#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What a kernel file of either format comes down to.
struct LinuxKernel: Equatable {
  /// How it is entered.
  var entry: LinuxLoader.Entry
  /// The guest physical address of the first instruction.
  var entryAddress: UInt64
  /// The pieces to place, and the memory they need.
  var memory: [ImageSegment]
  /// The setup header of a bzImage, for boot_params; empty for ELF files.
  var setupHeader: ArraySlice<UInt8> = []
  /// Where a bzImage's protected-mode code goes.
  var loadAddress: UInt64 = 0
  /// The last address an initrd may occupy.
  var maximumInitrdAddress: UInt64
  /// The longest command line in bytes, without the zero at its end.
  var maximumCommandLineByteCount: Int

  /// COMMAND_LINE_SIZE less the zero: x86 kernels of every version cut off what is longer.
  private static let commandLineByteCount = 2047
  /// What bzImages state; an ELF file states nothing.
  private static let initrdAddress: UInt64 = 0x7fff_ffff
  /// Where kernels that cannot be moved are loaded.
  private static let fixedLoadAddress: UInt64 = 0x10_0000

  /// Reads a kernel file.
  ///
  /// - Throws: ``LoaderError`` when it is neither a bzImage nor an ELF file that can be started.
  static func read(_ bytes: [UInt8]) throws(LoaderError) -> LinuxKernel {
    guard ELFImage.isELF(bytes) else { return try bzImage(LinuxSetupHeader(bytes)) }
    // A program that the dynamic linker may put anywhere has no place to start at.
    guard bytes.count > 18, bytes[16] != 3 || bytes[17] != 0 else { throw .noLinuxEntry }
    let plan = try ELFImage.plan(bytes)
    let pvhEntry = try ELFImage.pvhEntry(bytes)
    if let pvhEntry {
      guard plan.segments.contains(where: { $0.contains(pvhEntry) }) else {
        throw .entryOutsideImage(address: pvhEntry)
      }
    } else {
      guard bytes[4] == 2, hasBanner(bytes) else { throw .noLinuxEntry }
    }
    return LinuxKernel(
      entry: pvhEntry == nil ? .bootProtocol64 : .pvh, entryAddress: pvhEntry ?? plan.entry,
      memory: plan.segments, maximumInitrdAddress: initrdAddress,
      maximumCommandLineByteCount: commandLineByteCount)
  }

  /// A bzImage goes where it would unpack itself to, so that nothing but its `init_size` is
  /// needed.
  private static func bzImage(_ header: LinuxSetupHeader) throws(LoaderError) -> LinuxKernel {
    let preferred = header.preferredAddress
    guard preferred >= fixedLoadAddress, preferred < GuestMemoryLayout.deviceHole.lowerBound else {
      throw .invalidField(
        name: "pref_address", offset: 0x258, value: preferred,
        expected: "from 1 MiB to the end of RAM")
    }
    let address = header.isRelocatable ? preferred : fixedLoadAddress
    let code = header.protectedModeCode
    let entryOffset: UInt64 = header.has64BitEntry ? 0x200 : 0
    guard UInt64(code.count) > entryOffset else {
      throw .entryOutsideImage(address: address + entryOffset)
    }
    let end = max(preferred + header.initByteCount, address + UInt64(code.count))
    return LinuxKernel(
      entry: header.has64BitEntry ? .bootProtocol64 : .bootProtocol32,
      entryAddress: address + entryOffset,
      memory: [
        ImageSegment(
          name: "the kernel", file: code, address: address, memoryByteCount: end - address)
      ],
      setupHeader: header.bytes, loadAddress: address,
      maximumInitrdAddress: header.maximumInitrdAddress,
      maximumCommandLineByteCount: header.maximumCommandLineByteCount)
  }

  /// Whether the text that every Linux kernel says first is in the file: without a PVH note it is
  /// all that tells a kernel from any other ELF file.
  private static func hasBanner(_ bytes: [UInt8]) -> Bool {
    let banner = Array("Linux version ".utf8)
    // Safe: both functions stay within the bytes that are left.
    return unsafe bytes.withUnsafeBytes { text in
      var rest = unsafe text[...]
      while unsafe rest.count >= banner.count {
        let window = unsafe UnsafeRawBufferPointer(rebasing: rest)
        guard
          let hit = unsafe memchr(
            window.baseAddress.unsafelyUnwrapped, Int32(banner[0]), rest.count - banner.count + 1)
        else { return false }
        let distance = unsafe UnsafeRawPointer(hit) - window.baseAddress.unsafelyUnwrapped
        if unsafe memcmp(hit, banner, banner.count) == 0 { return true }
        unsafe rest = rest.dropFirst(distance + 1)
      }
      return false
    }
  }

  /// The registers at the first instruction.
  var registers: GeneralRegisters {
    var registers = GeneralRegisters()
    registers.rip = entryAddress
    let facts = GuestMemoryLayout.linuxBootFacts.lowerBound
    switch entry {
    case .pvh: registers.rbx = facts
    case .bootProtocol32, .bootProtocol64: registers.rsi = facts
    }
    return registers
  }
}
