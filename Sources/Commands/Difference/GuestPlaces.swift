internal import Analysis
internal import Machine
internal import Trace

/// Where a guest's page tables map physical addresses, and the symbols there.
///
/// Nothing is known without symbols: walking the tables backwards is for them alone.
struct GuestPlaces {
  /// Ranges of the page tables looked at.
  private static let rangeLimit = 65_536

  private var symbols: SymbolTable?
  private var ranges: [PageTables.Range] = []

  /// Knows nothing.
  private init() {}

  init(_ symbols: SymbolTable?, _ system: SystemRegisters, _ memory: GuestMemory) {
    guard let symbols else { return }
    self.symbols = symbols
    ranges = PageTables(system, memory)?.ranges(limit: Self.rangeLimit).ranges ?? []
  }

  /// The places at a keyframe, whose pages are put in memory for that.
  init(_ symbols: SymbolTable?, _ opened: OpenedReel, keyframe: UInt64) {
    guard let symbols, let state = GuestPair.state(keyframe, of: opened),
      let memory = try? GuestMemory(mebibytes: opened.metadata.memoryMiB),
      let map = try? opened.reel.pageMap(at: keyframe)
    else {
      self.init()
      return
    }
    // A page that cannot be read maps nothing.
    try? opened.reel.forEachPage(of: map) { page, content in
      memory.write(Array(content), at: UInt64(page) * UInt64(GuestMemory.pageSize))
    }
    self.init(symbols, state.system, memory)
  }

  /// What is known of a physical address: the mapping with a symbol, or else the first.
  func place(_ address: UInt64) -> MemoryDifference.Place {
    guard let symbols else { return MemoryDifference.Place() }
    var place = MemoryDifference.Place()
    for range in ranges
    where address >= range.physicalAddress && address - range.physicalAddress < range.byteCount {
      let virtual = range.virtualAddress &+ (address - range.physicalAddress)
      if place.virtualAddress == nil { place.virtualAddress = virtual }
      guard let name = symbols.text(at: virtual) else { continue }
      return MemoryDifference.Place(virtualAddress: virtual, symbol: name)
    }
    // Without page tables addresses are physical.
    if ranges.isEmpty { place.symbol = symbols.text(at: address) }
    return place
  }
}

extension SymbolTable {
  /// The symbol an address lies in, with the offset: `do_fork+0x12`.
  func text(at address: UInt64) -> String? {
    guard let (index, offset) = symbol(at: address) else { return nil }
    return name(index) + (offset == 0 ? "" : "+0x" + String(offset, radix: 16))
  }
}
