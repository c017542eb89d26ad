import Foundation
import Testing

@testable import Analysis

/// Symbols of ELF files that the assembler and the link editor made, held against `nm`.
@Suite struct ELFSymbolTests {
  private static let source = """
    .text
    .globl _start
    .type _start, @function
    _start: nop
      nop
    label: nop
    .size _start, . - _start
    .p2align 4
    .type helper, @function
    helper: nop
    .size helper, . - helper
    .weak weak
    .type weak, @function
    weak: ret
    .size weak, . - weak
    .globl text_end
    text_end:
    .section .init.text, "ax"
    .globl start_up
    start_up: nop
    .data
    .globl data
    .type data, @object
    data: .long 1
    absolute = 0x1234
    """

  /// Makes an executable of the source, `a.out`, beside its object file in a directory of its own.
  private static func executable(is64Bit: Bool, _ body: (URL) throws -> Void) throws {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "vmreel-symbols-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let source = directory.appending(path: "a.s")
    try Data((Self.source + "\n").utf8).write(to: source)
    let object = directory.appending(path: "a.o")
    let program = directory.appending(path: "a.out")
    _ = try run("as", is64Bit ? "--64" : "--32", "-o", object.path, source.path)
    _ = try run("ld", "-m", is64Bit ? "elf_x86_64" : "elf_i386", "-o", program.path, object.path)
    try body(directory)
  }

  private static func run(_ arguments: String...) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(arguments) failed")
    return String(decoding: text, as: UTF8.self)
  }

  private static func bytes(_ url: URL) throws -> [UInt8] { Array(try Data(contentsOf: url)) }

  @Test(arguments: [true, false]) func agreesWithNm(_ is64Bit: Bool) throws {
    try Self.executable(is64Bit: is64Bit) { directory in
      let program = directory.appending(path: "a.out")
      let table = try SymbolTable(parsing: Self.bytes(program), keeping: .all)
      let listed = try SymbolTable(
        parsing: Array(try Self.run("nm", "-n", program.path).utf8), keeping: .all)
      let names = ["_start", "label", "helper", "weak", "text_end", "start_up", "data"]
      for name in names {
        #expect(table.addresses(of: name) == listed.addresses(of: name), "\(name)")
        #expect(table.addresses(of: name).count == 1, "\(name)")
      }
      let code = try SymbolTable(parsing: Self.bytes(program))
      #expect(code.addresses(of: "data") == [] && code.addresses(of: "absolute") == [])
      let start = try #require(code.addresses(of: "_start").first)
      let named = (UInt64(0)..<0x13).map { offset in
        code.symbol(at: start + offset).map { "\(code.name($0.index))+\($0.offset)" }
      }
      let helper = try #require(code.addresses(of: "helper").first)
      #expect(helper == start + 16)
      #expect(named[0] == "_start+0" && named[1] == "_start+1" && named[2] == "label+0")
      // The label has no size: it goes on to the next symbol, over the padding.
      #expect(named[15] == "label+13" && named[16] == "helper+0" && named[17] == "weak+0")
      #expect(named[18] == "start_up+0", "text_end marks an end: nothing lies at it")
    }
  }

  @Test func refusesWhatHasNoSymbols() throws {
    try Self.executable(is64Bit: true) { directory in
      let program = directory.appending(path: "a.out")
      #expect(throws: SymbolTableError.unsupported("an object file")) {
        try SymbolTable(parsing: Self.bytes(directory.appending(path: "a.o")))
      }
      _ = try Self.run("strip", program.path)
      #expect(throws: SymbolTableError.stripped) {
        try SymbolTable(parsing: Self.bytes(program))
      }
    }
  }

  @Test func everyDamagedByteHasAnAnswer() throws {
    try Self.executable(is64Bit: true) { directory in
      let bytes = try Self.bytes(directory.appending(path: "a.out"))
      // Code and padding say nothing to this reader: the tables lie behind them.
      let parts = Array(0..<64) + Array(max(64, bytes.count - 1800)..<bytes.count)
      for place in parts {
        var damaged = bytes
        damaged[place] ^= 0xff
        guard let table = try? SymbolTable(parsing: damaged) else { continue }
        for index in 0..<table.count {
          #expect(table.name(index).utf8.count <= SymbolTable.maximumNameByteCount)
        }
        _ = table.symbol(at: 0x40_1000)
      }
      for count in stride(from: 0, to: bytes.count, by: 7) {
        #expect(throws: SymbolTableError.self) {
          try SymbolTable(parsing: Array(bytes.prefix(count)))
        }
      }
    }
  }
}
