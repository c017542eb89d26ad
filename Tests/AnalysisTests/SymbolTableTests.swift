import Foundation
import Testing

@testable import Analysis

/// Symbol files, as text and as ELF, good and hostile.
@Suite struct SymbolTableTests {
  private static let map = """
    0000000000000000 D __per_cpu_start
    ffffffff81000000 T _text
    ffffffff81000000 T startup_64
    ffffffff81000000 T _stext
    ffffffff81000040 t local
    ffffffff81000040 T shared
    ffffffff81000100 W weak
    ffffffff81000180 r rodata
    ffffffff81400000 T far
    ffffffff81800000 T _etext
    ffffffff82000000 D jiffies

    """

  private func table(
    _ text: String, keeping selection: SymbolTable.Selection = .code
  ) throws(SymbolTableError) -> SymbolTable {
    try SymbolTable(parsing: Array(text.utf8), keeping: selection)
  }

  private func place(_ address: UInt64, in table: SymbolTable) -> String? {
    table.symbol(at: address).map { "\(table.name($0.index))+\($0.offset)" }
  }

  @Test func findsTheSymbolAnAddressLiesIn() throws {
    let table = try table(Self.map)
    #expect(table.count == 7)
    #expect(place(0xffff_ffff_8100_0000, in: table) == "startup_64+0", "fewest underscores")
    #expect(place(0xffff_ffff_8100_003f, in: table) == "startup_64+63")
    #expect(place(0xffff_ffff_8100_0041, in: table) == "shared+1", "global before local")
    #expect(place(0xffff_ffff_8100_017f, in: table) == "weak+127")
    #expect(place(0xffff_ffff_8100_0180, in: table) == nil, "that is data")
    #expect(place(0xffff_ffff_8140_0000 + 0xf_ffff, in: table) == "far+1048575")
    #expect(place(0xffff_ffff_8150_0000, in: table) == nil, "no function is that long")
    for nowhere: UInt64 in [0, 0xffff_ffff_80ff_ffff, 0xffff_ffff_8180_0000, .max] {
      #expect(place(nowhere, in: table) == nil)
    }
    let all = try self.table(Self.map, keeping: .all)
    #expect(place(0xffff_ffff_8100_0180, in: all) == "rodata+0")
    #expect(place(5, in: all) == "__per_cpu_start+5")
  }

  @Test func slides() throws {
    let table = try table(Self.map).slid(by: 0x1c00_0000)
    #expect(place(0xffff_ffff_9d00_0042, in: table) == "shared+2")
    #expect(place(0xffff_ffff_8100_0042, in: table) == nil)
    #expect(table.addresses(of: "shared") == [0xffff_ffff_9d00_0040])
    #expect(
      table.symbol(at: 0xffff_ffff_9d00_0040).map { table.address($0.index) }
        == 0xffff_ffff_9d00_0040)
    // Past the end of the address space it wraps, as the kernel's own arithmetic does.
    #expect(place(0x40, in: try self.table(Self.map).slid(by: 0x7f00_0000)) == "shared+0")
  }

  @Test func findsAddressesOfNames() throws {
    let table = try table("10 t twice\n30 t twice\n20 t once\n40 t twice_more\n")
    #expect(table.addresses(of: "twice") == [0x10, 0x30])
    #expect(table.addresses(of: "once") == [0x20])
    for none in ["", "twic", "wice", "twice_more_", "once\0", String(repeating: "x", count: 99)] {
      #expect(table.addresses(of: none) == [])
    }
  }

  @Test func readsWhatNmAndKallsymsPrint() throws {
    let table = try table(
      """
      ffffffffc0000000 t helper\t[module]\r

                       U undefined
                       w weak_undefined
      00000010 00000008 T sized
      00000020 T unsized
      """)
    #expect(place(0xffff_ffff_c000_0001, in: table) == "helper+1")
    #expect(place(0x17, in: table) == "sized+7")
    #expect(place(0x18, in: table) == nil, "behind its size")
    #expect(place(0x20, in: table) == "unsized+0")
    #expect(table.addresses(of: "undefined") == [] && table.count == 3)
  }

  @Test func aLabelInAFunctionEndsWithItsSize() throws {
    let table = try table(
      "1000 0100 T outer\n1040 0008 t inner\n1100 0010 T next\n")
    #expect(place(0x1047, in: table) == "inner+7")
    #expect(place(0x1048, in: table) == "outer+72")
    #expect(place(0x1110, in: table) == nil)
  }

  @Test func saysWhatIsWrongWithAFile() {
    func error(_ bytes: [UInt8]) -> SymbolTableError? {
      do throws(SymbolTableError) {
        _ = try SymbolTable(parsing: bytes)
        return nil
      } catch { return error }
    }
    func error(_ text: String) -> SymbolTableError? { error(Array(text.utf8)) }
    #expect(error("") == .empty)
    #expect(error("1000 T good\nI am prose\n") == .notASymbol(line: 2))
    for line in [
      "1000", "1000 T", "1000 TT x", "10000000000000000 T x", "1000 T a b", "-1 T x",
      "1000 T \u{1b}[2J",
      "1000 10 T", "1000 5 x", "U", "U a b",
    ] {
      #expect(error(line) == .notASymbol(line: 1), "\(line)")
    }
    #expect(error("0 T a\n0000000000000000 t b\n") == .hiddenAddresses)
    #expect(error("1000 D a\n") == .noSymbols)
    #expect(error("U a\n\n\n") == .noSymbols)
    #expect(
      error("ffffffffffffffff B The real System.map is in the linux-image-<version>-dbg package\n")
        == .placeholder)
    let bzImage = [UInt8](repeating: 0, count: 0x202) + Array("HdrS".utf8)
    #expect(error(bzImage) == .compressedKernel("a compressed kernel (bzImage)"))
    #expect(error([0x28, 0xb5, 0x2f, 0xfd]) == .compressedKernel("a zstd file"))
    #expect(error([0x7f, 0x45, 0x4c, 0x46]) == .malformed("its header is cut off"))
    #expect(
      SymbolTableError.compressedKernel("a zstd file").description.contains("extract vmlinux"))
  }
}
