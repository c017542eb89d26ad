/// Which code lies at which guest address, from `System.map`, the output of `nm`, or an ELF file.
///
/// Made for kernels: a `vmlinux` has some 150 000 symbols. A symbol takes 24 bytes and its name; names
/// stay bytes in one buffer until they are asked for.
///
/// Threats: the file may come from anybody. What is kept is at most a small multiple of the file,
/// every offset in it is checked, and names lose their control characters when they are shown.
public struct SymbolTable: Sendable {
  /// Which symbols are kept.
  public enum Selection: Sendable {
    /// Functions and labels in code.
    case code
    /// Data too.
    case all
  }

  /// A symbol without a size ends at the next one, and after this many bytes at the latest.
  static let maximumUnsizedByteCount: UInt64 = 1 << 20
  /// Names are shown up to this many bytes; longer ones are cut.
  static let maximumNameByteCount = 4096
  /// Symbols looked at before an address that lies behind the end of the nearest one.
  private static let enclosingSymbolLimit = 16

  /// What is added to the file's addresses: where KASLR put the kernel; see ``KernelSlide``.
  public var slide: UInt64 = 0
  private let entries: [Entry]
  /// Names, each ended by a zero byte.
  private let names: [UInt8]

  /// A symbol: where it begins, where it ends and where its name begins.
  struct Entry {
    var address: UInt64
    /// One past its last address; before it is known, the address of a symbol without a size.
    var end: UInt64
    var nameStart: UInt32
    /// Among names of one address the highest is shown.
    var rank: UInt8
    var isCode: Bool
  }

  /// Reads a file.
  ///
  /// An ELF file must be a linked x86 one with a `.symtab`; anything else that is not a compressed
  /// kernel is read as text, a line each: address, type letter and name, as `nm` prints it.
  ///
  /// - Throws: ``SymbolTableError``, whose description is a sentence for the user.
  public init(parsing bytes: [UInt8], keeping selection: Selection = .code) throws(SymbolTableError)
  {
    guard !bytes.isEmpty else { throw .empty }
    if let format = CompressedKernel.format(of: bytes) { throw .compressedKernel(format) }
    var found: [Entry]
    if ELFSymbols.isELF(bytes) {
      (found, names) = try ELFSymbols(bytes).read()
    } else {
      (found, names) = try SymbolLines(bytes).read()
    }
    Self.sort(&found)
    Self.findEnds(of: &found)
    if selection == .code { found.removeAll { !$0.isCode } }
    guard !found.isEmpty else { throw .noSymbols }
    entries = found
  }

  /// A copy whose symbols lie elsewhere.
  ///
  /// - Parameter slide: what is added to the file's addresses, modulo 2⁶⁴.
  public func slid(by slide: UInt64) -> SymbolTable {
    var table = self
    table.slide = slide
    return table
  }

  // MARK: Looking up

  /// How many symbols there are.
  public var count: Int { entries.count }

  /// The symbol an address lies in, and how far behind its beginning; `nil` where none is.
  ///
  /// Of several names for one address it is the one to show: global before local, few leading
  /// underscores before many, the first in the file before later ones.
  public func symbol(at address: UInt64) -> (index: Int, offset: UInt64)? {
    let place = address &- slide
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].address > place { high = middle } else { low = middle + 1 }
    }
    // A label, or a short function within a longer one, may have ended before the address.
    for index in stride(from: low - 1, through: max(0, low - Self.enclosingSymbolLimit), by: -1)
    where place < entries[index].end {
      return (index, place - entries[index].address)
    }
    return nil
  }

  /// Where a symbol begins, with the slide.
  public func address(_ index: Int) -> UInt64 { entries[index].address &+ slide }

  /// A symbol's name; control characters are shown as `?`, and 4096 bytes at most.
  public func name(_ index: Int) -> String {
    let text = names[Int(entries[index].nameStart)...].prefix(Self.maximumNameByteCount)
      .prefix { $0 != 0 }
    var name = ""
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      name.unicodeScalars.append(scalar.properties.generalCategory == .control ? "?" : scalar)
    }
    return name
  }

  /// The addresses of the symbols of a name, ascending and with the slide; usually one or none.
  ///
  /// It looks at every symbol: for a name a user gives, not for one of each exit.
  public func addresses(of name: String) -> [UInt64] {
    let wanted = Array(name.utf8) + [0]
    guard wanted.count <= names.count, !wanted.dropLast().contains(0) else { return [] }
    var found: [UInt64] = []
    for entry in entries {
      let start = Int(entry.nameStart)
      guard start + wanted.count <= names.count else { continue }
      var index = 0
      while index < wanted.count, names[start + index] == wanted[index] { index += 1 }
      if index == wanted.count { found.append(entry.address &+ slide) }
    }
    return found
  }

  // MARK: Making

  /// Orders by address; of one address the symbol to show comes last, where a search ends.
  private static func sort(_ entries: inout [Entry]) {
    // Text and link editors write in order more often than not.
    entries.sort { left, right in
      (left.address, left.rank, right.nameStart) < (right.address, right.rank, left.nameStart)
    }
  }

  /// Gives symbols without a size the room up to the next symbol of any kind.
  private static func findEnds(of entries: inout [Entry]) {
    var next = UInt64.max
    var nextAddress = UInt64.max
    for index in entries.indices.reversed() {
      let address = entries[index].address
      if address != nextAddress { (next, nextAddress) = (nextAddress, address) }
      if entries[index].end <= address {
        let room = min(next &- address, maximumUnsizedByteCount)
        entries[index].end = address.addingReportingOverflow(room).overflow ? .max : address + room
      }
    }
  }

  /// How much a name is preferred to others of the same address.
  ///
  /// - Parameter name: its bytes, without a terminator.
  static func rank(_ name: some Sequence<UInt8>, isGlobal: Bool) -> UInt8 {
    var underscores: UInt8 = 0
    for byte in name {
      guard byte == UInt8(ascii: "_"), underscores < 15 else { break }
      underscores += 1
    }
    return (isGlobal ? 16 : 0) + 15 - underscores
  }
}
