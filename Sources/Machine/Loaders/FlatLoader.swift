/// Loads a file of bare machine code and starts it at its first byte.
public struct FlatLoader: Sendable {
  /// The processor mode of the first instruction.
  public enum Mode: Equatable, Sendable {
    /// 16-bit real mode: all segment bases and selectors 0, SP the load address.
    ///
    /// The load address lies in 0x400–0xffff, above the interrupt vectors.
    case realMode
    /// 64-bit mode: the first 4 GiB mapped one to one, flat segments, RSP the load address.
    ///
    /// The load address is 0x9000 or above: the page below it is the stack, and below 0x8000 are
    /// the descriptor and page tables.
    case longMode64
  }

  /// The image's bytes.
  public var image: [UInt8]
  /// The guest physical address of the first byte.
  public var loadAddress: UInt64
  /// How it starts.
  public var mode: Mode

  /// Describes what to load.
  public init(image: [UInt8], loadAddress: UInt64, mode: Mode) {
    self.image = image
    self.loadAddress = loadAddress
    self.mode = mode
  }

  /// Writes the image and its tables into zero-filled RAM.
  ///
  /// - Returns: general registers all 0 but RIP, RSP and the fixed bit of RFLAGS (interrupts
  ///   off), and the mode's system registers.
  /// - Throws: ``LoaderError``; RAM is then unchanged.
  public func load(into memory: GuestMemory) throws(LoaderError) -> LoadedGuest {
    guard !image.isEmpty else { throw .emptyImage }
    var plan = MemoryPlan(ramByteCount: memory.byteCount)
    switch mode {
    case .realMode: try planRealMode(&plan)
    case .longMode64: try planLongMode(&plan)
    }
    try plan.take("the image", at: loadAddress, byteCount: UInt64(image.count))

    memory.write(image, at: loadAddress)
    var registers = GeneralRegisters()
    registers.rip = loadAddress
    registers.rsp = loadAddress
    return LoadedGuest(
      registers: registers, system: writeTables(into: memory), occupied: plan.occupied)
  }

  private func planRealMode(_ plan: inout MemoryPlan) throws(LoaderError) {
    guard loadAddress < 0x1_0000 else {
      throw .unusableLoadAddress(
        address: loadAddress, allowed: "an address below 0x10000 for real mode")
    }
    try plan.take("the interrupt vector table", GuestMemoryLayout.interruptVectorTable)
  }

  private func planLongMode(_ plan: inout MemoryPlan) throws(LoaderError) {
    let stackByteCount = UInt64(GuestMemory.pageSize)
    let lowest = GuestMemoryLayout.bootLoaderData.upperBound + stackByteCount
    guard loadAddress >= lowest else {
      throw .unusableLoadAddress(address: loadAddress, allowed: "0x9000 or above for 64-bit mode")
    }
    try plan.take("the page tables", GuestMemoryLayout.bootLoaderData)
    try plan.take(
      "the boot stack", at: loadAddress - stackByteCount, byteCount: stackByteCount)
  }

  private func writeTables(into memory: GuestMemory) -> SystemRegisters {
    switch mode {
    case .realMode:
      return InitialState.realMode
    case .longMode64:
      memory.write(
        InitialState.descriptorTable64, at: GuestMemoryLayout.globalDescriptorTable)
      memory.write(InitialState.pageTables, at: GuestMemoryLayout.pageMapLevel4)
      return InitialState.longMode64
    }
  }
}
