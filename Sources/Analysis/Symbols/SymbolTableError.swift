/// Why a file gives no symbols.
public enum SymbolTableError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file has no bytes.
  case empty
  /// The file is a compressed kernel or another compressed file; the format's name.
  case compressedKernel(String)
  /// A line of text, counted from 1, is not an address, a type and a name.
  case notASymbol(line: Int)
  /// Every address is zero, as the kernel shows them to users other than root.
  case hiddenAddresses
  /// The file that Debian installs in place of a System.map.
  case placeholder
  /// The ELF file is for another machine, or not linked; what it is.
  case unsupported(String)
  /// The ELF file was stripped.
  case stripped
  /// A part of the ELF file lies outside it, or a field has a value it cannot have.
  case malformed(String)
  /// The file has symbols, but none of code.
  case noSymbols
  /// The names take more than 4 GiB.
  case tooLarge

  /// One sentence: what is wrong, and what to do.
  public var description: String {
    switch self {
    case .empty: "the symbols file is empty"
    case .compressedKernel(let format):
      "this is \(format), which holds no symbols that can be read: extract vmlinux, or give System.map"
    case .notASymbol(let line):
      "line \(line) is not \"ADDRESS TYPE NAME\": give a System.map, the output of nm, or an ELF file "
        + "such as vmlinux"
    case .hiddenAddresses:
      "every address is zero, as /proc/kallsyms shows them to users: read it as root"
    case .placeholder:
      "this is Debian's placeholder: the real System.map is in the package linux-image-VERSION-dbg"
    case .unsupported(let what):
      "this ELF file is \(what): give a linked x86 one, such as vmlinux, or System.map"
    case .stripped:
      "this ELF file has no .symtab, it was stripped: give the vmlinux before stripping, or System.map"
    case .malformed(let part): "this ELF file is damaged: \(part)"
    case .noSymbols: "the file has no symbols of code: give vmlinux or its System.map"
    case .tooLarge: "the file has more than 4 GiB of names: give vmlinux or its System.map"
    }
  }
}

/// Files that people take for a kernel with symbols.
enum CompressedKernel {
  /// What a file is by its magic number, for a message; `nil` when none of these.
  static func format(of bytes: [UInt8]) -> String? {
    // The setup header of the x86 boot protocol, "HdrS" at 0x202.
    if bytes.count >= 0x206, bytes[0x202..<0x206].elementsEqual("HdrS".utf8) {
      return "a compressed kernel (bzImage)"
    }
    return magics.first { bytes.starts(with: $0.magic) }.map { "a \($0.name) file" }
  }

  private static let magics: [(magic: [UInt8], name: String)] = [
    ([0x1f, 0x8b], "gzip"), ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], "xz"),
    ([0x28, 0xb5, 0x2f, 0xfd], "zstd"), ([0x42, 0x5a, 0x68], "bzip2"),
    ([0x04, 0x22, 0x4d, 0x18], "LZ4"), ([0x02, 0x21, 0x4c, 0x18], "LZ4"),
    ([0x5d, 0x00, 0x00, 0x80, 0x00], "LZMA"), ([0x89, 0x4c, 0x5a, 0x4f], "LZO"),
  ]
}
