/// A sample guest that is part of vmreel, so that recording can be tried with nothing at hand.
///
/// The images are built from `tools/guests` by `tools/build-guests`. None of them executes CPUID,
/// RDTSC or floating-point instructions; all but `crash` and `spin` end with a 32-bit write of 0
/// to port 0xf4.
public struct BuiltInGuest: Equatable, Sendable {
  /// How the image is loaded and in which state its first instruction runs.
  public enum Entry: Equatable, Sendable {
    /// A flat image entered at its first byte in 16-bit real mode, all segment bases 0.
    case realMode
    /// A flat image entered at its first byte in 64-bit mode, the first 4 GiB mapped one to one.
    case longMode64
    /// An ELF file with a Multiboot 1 header.
    case multiboot
  }

  /// The name users give: `--guest hello`.
  public let name: String
  /// What the guest does, in one sentence.
  public let summary: String
  /// The image file's bytes.
  public let image: [UInt8]
  /// The guest physical address of the image's first byte; for Multiboot the image says it too.
  public let loadAddress: UInt64
  /// How the guest starts.
  public let entry: Entry
  /// The RAM it was written for, in MiB; more does no harm.
  public let memoryMiB: Int
  /// Whether it reads the serial port.
  public let isInteractive: Bool

  /// Makes a guest from the text form the generated files have.
  init(
    name: String, summary: String, loadAddress: UInt64, entry: Entry, memoryMiB: Int,
    isInteractive: Bool, hexadecimal: String
  ) {
    self.name = name
    self.summary = summary
    self.loadAddress = loadAddress
    self.entry = entry
    self.memoryMiB = memoryMiB
    self.isInteractive = isInteractive
    image = Self.bytes(hexadecimal: hexadecimal)
  }

  /// The guest of a name, if there is one.
  public static func named(_ name: String) -> BuiltInGuest? {
    all.first { $0.name == name }
  }

  /// The bytes of a text of digit pairs; everything that is not a digit is skipped.
  static func bytes(hexadecimal: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var high: UInt8?
    for case let digit? in hexadecimal.utf8.lazy.map(Self.value(ofDigit:)) {
      if let upper = high {
        bytes.append(upper << 4 | digit)
        high = nil
      } else {
        high = digit
      }
    }
    return bytes
  }

  private static func value(ofDigit character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
