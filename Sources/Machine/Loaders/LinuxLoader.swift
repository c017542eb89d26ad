/// Loads Linux: a bzImage by its own boot protocol, an ELF file by PVH or by the 64-bit protocol.
///
/// The kernel gets its command line as given, an empty one included, the initrd as high as it may
/// lie, and a memory map that keeps it off ``GuestMemoryLayout/hypervisorPages``. There is no
/// firmware: no ACPI, no BIOS calls, no video mode.
public struct LinuxLoader: Sendable {
  /// How the kernel is entered.
  public enum Entry: String, Sendable {
    /// In 64-bit mode with boot_params in RSI (boot protocol 2.12).
    case bootProtocol64 = "boot-protocol-64"
    /// In 32-bit protected mode with boot_params in ESI.
    case bootProtocol32 = "boot-protocol-32"
    /// In 32-bit protected mode with `hvm_start_info` in EBX, at the address of an ELF note.
    case pvh
  }

  /// RAM for a Linux guest unless the user says otherwise, in MiB.
  public static let defaultMemoryMiB = 128

  /// The kernel file's bytes: a bzImage, or an ELF file such as ``LinuxPayload`` gives.
  public var kernel: [UInt8]
  /// The command line, passed on as it is.
  public var commandLine: String
  /// The initial RAM disk, if any.
  public var initrd: [UInt8]?

  /// Describes what to load.
  public init(kernel: [UInt8], commandLine: String = "", initrd: [UInt8]? = nil) {
    self.kernel = kernel
    self.commandLine = commandLine
    self.initrd = initrd
  }

  /// How ``load(into:)`` will enter the kernel.
  ///
  /// - Throws: ``LoaderError`` when the file is no kernel this loader can start.
  public func entry() throws(LoaderError) -> Entry {
    try LinuxKernel.read(kernel).entry
  }

  /// Writes kernel, initrd, command line and what the protocol hands over into zero-filled RAM.
  ///
  /// - Returns: the registers the entry's protocol demands; interrupts are off.
  /// - Throws: ``LoaderError``; RAM is then unchanged.
  public func load(into memory: GuestMemory) throws(LoaderError) -> LoadedGuest {
    let image = try LinuxKernel.read(kernel)
    try checkCommandLine(image)
    if let initrd { try LinuxInitrd.check(initrd) }
    var plan = MemoryPlan(ramByteCount: memory.byteCount)
    try plan.take("the boot loader's data", GuestMemoryLayout.bootLoaderData)
    try plan.take("the boot parameters", GuestMemoryLayout.linuxBootFacts)
    try plan.take("the command line", GuestMemoryLayout.linuxCommandLine)
    for part in image.memory {
      try plan.take(part.name, at: part.address, byteCount: part.memoryByteCount)
    }
    let initrdRange = try placeInitrd(&plan, below: image.maximumInitrdAddress)

    for segment in image.memory where !segment.file.isEmpty {
      memory.write(Array(kernel[segment.file]), at: segment.address)
    }
    if let initrd, let initrdRange { memory.write(initrd, at: initrdRange.lowerBound) }
    memory.write(
      Array(commandLine.utf8) + [0], at: GuestMemoryLayout.linuxCommandLine.lowerBound)
    return LoadedGuest(
      registers: image.registers, system: writeFacts(image, initrdRange, into: memory),
      occupied: plan.occupied)
  }

  private func checkCommandLine(_ image: LinuxKernel) throws(LoaderError) {
    let limit = min(
      image.maximumCommandLineByteCount, GuestMemoryLayout.linuxCommandLine.count - 1)
    guard commandLine.utf8.count <= limit else {
      throw .commandLineTooLong(byteCount: commandLine.utf8.count, limit: limit)
    }
  }

  /// Takes the highest whole pages below the end of RAM and the kernel's limit.
  private func placeInitrd(
    _ plan: inout MemoryPlan, below maximumAddress: UInt64
  ) throws(LoaderError) -> Range<UInt64>? {
    guard let initrd else { return nil }
    let byteCount = UInt64(initrd.count)
    let pageMask = UInt64(GuestMemory.pageSize - 1)
    let lowest = (max(plan.end, GuestMemoryLayout.extendedMemory) + pageMask) & ~pageMask
    let highestEnd = min(maximumAddress + 1, UInt64(GuestMemory.maximumMiB) << 20)
    guard lowest + byteCount <= highestEnd else {
      throw .initrdTooLarge(
        byteCount: initrd.count, room: highestEnd > lowest ? highestEnd - lowest : 0)
    }
    let end = min(plan.ramByteCount, highestEnd)
    let start = end < byteCount ? lowest : max((end - byteCount) & ~pageMask, lowest)
    try plan.take("the kernel with its initrd", at: start, byteCount: byteCount)
    return start..<start + byteCount
  }

  /// Writes descriptor tables, page tables and the protocol's facts.
  private func writeFacts(
    _ image: LinuxKernel, _ initrd: Range<UInt64>?, into memory: GuestMemory
  ) -> SystemRegisters {
    let facts = GuestMemoryLayout.linuxBootFacts.lowerBound
    let commandLineAddress = GuestMemoryLayout.linuxCommandLine.lowerBound
    let map = MemoryMapEntry.map(ramByteCount: UInt64(memory.byteCount))
    let descriptors = GuestMemoryLayout.globalDescriptorTable
    switch image.entry {
    case .pvh:
      let information = PVHStartInformation(
        commandLineAddress: commandLineAddress, initrd: initrd, memoryMap: map)
      memory.write(information.bytes, at: facts)
      memory.write(InitialState.descriptorTable32, at: descriptors)
      return InitialState.protectedMode32
    case .bootProtocol32, .bootProtocol64:
      let parameters = LinuxBootParameters(
        header: image.setupHeader, loadAddress: image.loadAddress,
        commandLineAddress: commandLineAddress, initrd: initrd, memoryMap: map)
      memory.write(parameters.bytes, at: facts)
      guard image.entry == .bootProtocol64 else {
        memory.write(
          InitialState.linuxDescriptorTable(InitialState.descriptorTable32), at: descriptors)
        return InitialState.linux32
      }
      memory.write(
        InitialState.linuxDescriptorTable(InitialState.descriptorTable64), at: descriptors)
      memory.write(InitialState.pageTables, at: GuestMemoryLayout.pageMapLevel4)
      return InitialState.linux64
    }
  }
}
