/// Loads a Multiboot 1 kernel with its modules (Multiboot specification 0.6.96).
///
/// Accepts ELF32 and ELF64 files for x86 and any file whose header has address fields. The kernel
/// starts in 32-bit protected mode without paging, flat segments, interrupts off, EAX =
/// 0x2BADB002, EBX = the information structure; it must set up a stack itself.
public struct MultibootLoader: Sendable {
  /// A file the kernel finds in memory.
  public struct Module: Equatable, Sendable {
    /// The file's bytes.
    public var bytes: [UInt8]
    /// The text that goes with it, usually its name and arguments.
    public var commandLine: String

    /// Makes a module.
    public init(bytes: [UInt8], commandLine: String) {
      self.bytes = bytes
      self.commandLine = commandLine
    }
  }

  /// The kernel file's bytes.
  public var image: [UInt8]
  /// The kernel's command line, passed on as it is; many kernels take its first word for their
  /// own name.
  public var commandLine: String
  /// The modules, in order; at most ``GuestMemoryLayout/maximumModules``.
  public var modules: [Module]

  /// Describes what to load.
  public init(image: [UInt8], commandLine: String = "", modules: [Module] = []) {
    self.image = image
    self.commandLine = commandLine
    self.modules = modules
  }

  /// Writes kernel, modules and information structure into zero-filled RAM.
  ///
  /// - Returns: the registers of the specification's section 3.2.
  /// - Throws: ``LoaderError``; RAM is then unchanged.
  public func load(into memory: GuestMemory) throws(LoaderError) -> LoadedGuest {
    guard !image.isEmpty else { throw .emptyImage }
    let kernel = try MultibootHeader.find(in: image).plan(image)
    var plan = MemoryPlan(ramByteCount: memory.byteCount)
    try plan.take("the boot loader's data", GuestMemoryLayout.bootLoaderData)
    for segment in kernel.segments {
      try plan.take(segment.name, at: segment.address, byteCount: segment.memoryByteCount)
    }
    let placed = try placeModules(&plan)
    let information = try MultibootInformation(
      commandLine: commandLine, modules: placed, ramByteCount: UInt64(memory.byteCount))

    for segment in kernel.segments {
      memory.write(Array(image[segment.file]), at: segment.address)
    }
    for (module, place) in zip(modules, placed) {
      memory.write(module.bytes, at: place.start)
    }
    memory.write(InitialState.descriptorTable32, at: GuestMemoryLayout.globalDescriptorTable)
    information.write(into: memory)
    return LoadedGuest(
      registers: Self.registers(entry: kernel.entry), system: InitialState.protectedMode32,
      occupied: plan.occupied)
  }

  /// Puts each module on the next page boundary after everything before it.
  private func placeModules(
    _ plan: inout MemoryPlan
  ) throws(LoaderError) -> [MultibootInformation.Module] {
    guard modules.count <= GuestMemoryLayout.maximumModules else {
      throw .tooMany(
        what: "Multiboot modules", count: modules.count, limit: GuestMemoryLayout.maximumModules)
    }
    let pageMask = UInt64(GuestMemory.pageSize - 1)
    var placed: [MultibootInformation.Module] = []
    var next = max(plan.end, GuestMemoryLayout.extendedMemory)
    for (index, module) in modules.enumerated() {
      let start = (next + pageMask) & ~pageMask
      let byteCount = UInt64(module.bytes.count)
      try plan.take("module \(index + 1)", at: start, byteCount: byteCount)
      next = start + byteCount
      placed.append(.init(start: start, end: next, commandLine: module.commandLine))
    }
    return placed
  }

  private static func registers(entry: UInt64) -> GeneralRegisters {
    var registers = GeneralRegisters()
    registers.rip = entry
    registers.rax = 0x2bad_b002
    registers.rbx = GuestMemoryLayout.multibootInformation
    return registers
  }
}
