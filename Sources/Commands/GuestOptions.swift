internal import ArgumentParser
internal import BuiltInGuests
internal import Machine

/// Which guest to run; QEMU's spellings where QEMU has them.
struct GuestOptions: ParsableArguments {
  @Option(
    name: .long, help: ArgumentHelp("A built-in guest (see `vmreel guests`).", valueName: "name"))
  var guest: String?

  @Option(name: .long, help: ArgumentHelp("A flat binary; needs --at.", valueName: "file"))
  var flat: String?

  @Option(
    name: .customLong("at"),
    help: ArgumentHelp("Load and entry address of --flat, such as 0x7c00.", valueName: "address"))
  var loadAddress: Address?

  @Option(name: .long, help: "How --flat starts: real (16-bit) or long64.")
  var entry: FlatEntry = .real

  @Option(
    name: .long,
    help: ArgumentHelp("A Multiboot 1 kernel (ELF32, ELF64 or a.out-kludge).", valueName: "file"))
  var multiboot: String?

  @Option(
    name: .long, help: ArgumentHelp("The kernel's arguments, for --multiboot.", valueName: "text"))
  var append: String?

  @Option(
    name: .customLong("module"),
    help: ArgumentHelp("A boot module; may be repeated.", valueName: "file"))
  var modules: [String] = []

  @Option(
    name: [.customShort("m"), .customLong("memory")],
    help: ArgumentHelp("RAM in MiB.", valueName: "n"))
  var memoryMiB: Int?

  mutating func validate() throws {
    let named = [guest, flat, multiboot].compactMap { $0 }.count
    guard named == 1 else {
      throw ValidationError("name exactly one guest: --guest, --flat or --multiboot")
    }
    guard (flat == nil) == (loadAddress == nil) else {
      throw ValidationError("--flat and --at go together")
    }
    let takesArguments = multiboot != nil || guest.map(Self.takesArguments) ?? false
    guard takesArguments || (append == nil && modules.isEmpty) else {
      throw ValidationError("--append and --module need a Multiboot guest")
    }
    guard memoryMiB.map({ (1...GuestMemory.maximumMiB).contains($0) }) ?? true else {
      throw ValidationError("-m must be from 1 to \(GuestMemory.maximumMiB) MiB")
    }
  }

  /// Whether a built-in guest is a Multiboot kernel; a wrong name is complained about later.
  private static func takesArguments(_ name: String) -> Bool {
    BuiltInGuest.named(name).map { $0.entry == .multiboot } ?? true
  }
}

/// How a flat binary starts.
enum FlatEntry: String, ExpressibleByArgument, CaseIterable {
  case real
  case long64
}
