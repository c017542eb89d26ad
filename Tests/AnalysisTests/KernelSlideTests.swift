import Testing

@testable import Analysis

/// The arithmetic of KASLR; `CommandsTests` has real reels.
@Suite struct KernelSlideTests {
  private static let map = """
    ffffffff81000000 T _text
    ffffffff82000000 T entry_SYSCALL_64
    ffffffff820015c0 T entry_SYSENTER_compat
    ffffffff820016f0 T entry_SYSCALL_compat

    """

  private func slide(
    _ entries: KernelSlide.EntryPoints, _ map: String = map
  ) throws -> Result<KernelSlide, KernelSlide.Failure> {
    let symbols = try SymbolTable(parsing: Array(map.utf8))
    return Result { () throws(KernelSlide.Failure) in
      try KernelSlide(entries, atKeyframe: 12, symbols: symbols.slid(by: 0x1000))
    }
  }

  @Test func findsTheOffset() throws {
    let found = try slide(
      .init(lstar: 0xffff_ffff_9e00_0000, cstar: 0xffff_ffff_9e00_16f0)
    ).get()
    #expect(found.offset == 0x1c00_0000 && found.keyframe == 12)
    #expect(found.description == "KASLR offset 0x1c000000 (from MSR_LSTAR at keyframe 12)")
    #expect(try slide(.init(lstar: 0xffff_ffff_8200_0000)).get().offset == 0)
    let ofKeyframe = KernelSlide.EntryPoints(lstar: 0xffff_ffff_8220_0000, sysenter: 0x8220_15c0)
    #expect(try slide(ofKeyframe).get().offset == 0x20_0000)
    let moved = try slide(.init(lstar: 0xffff_ffff_81c0_0000)).get()
    #expect(moved.description == "KASLR offset -0x400000 (from MSR_LSTAR at keyframe 12)")
    let old = "ffffffff81500000 T system_call\n"
    #expect(try slide(.init(lstar: 0xffff_ffff_8170_0000), old).get().offset == 0x20_0000)
  }

  @Test func saysWhyThereIsNone() throws {
    #expect(try slide(.init(lstar: 0)) == .failure(.notSet))
    #expect(try slide(.init(lstar: 1), "1 T main\n") == .failure(.noSuchSymbol))
    let symbol: UInt64 = 0xffff_ffff_8200_0000
    for lstar in [symbol + 0x1000, symbol + 1 << 30, symbol - 1 << 30, 0x40] {
      #expect(
        try slide(.init(lstar: lstar)) == .failure(.implausible(lstar: lstar, symbol: symbol)))
    }
    #expect(
      try slide(.init(lstar: symbol, cstar: symbol + 0x16e0))
        == .failure(.contradicted(register: "MSR_CSTAR", value: symbol + 0x16e0, slide: 0)))
    #expect(
      try slide(.init(lstar: symbol, sysenter: symbol))
        == .failure(.contradicted(register: "MSR_IA32_SYSENTER_EIP", value: symbol, slide: 0)))
  }
}
