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

  @Option(name: .long, help: "How --flat starts: real (16-bit, the default) or long64.")
  var entry: FlatEntry?

  @Option(
    name: .long,
    help: ArgumentHelp("A Multiboot 1 kernel (ELF32, ELF64 or a.out-kludge).", valueName: "file"))
  var multiboot: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "A Linux kernel: a bzImage (vmlinuz), or an ELF file (vmlinux).", valueName: "file"))
  var kernel: String?

  @Option(
    name: .long,
    help: ArgumentHelp("The initial RAM disk of --kernel: a cpio archive.", valueName: "file"))
  var initrd: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The kernel's command line, such as console=ttyS0; for --kernel and --multiboot.",
      valueName: "text"))
  var append: String?

  @Option(
    name: .customLong("module"),
    help: ArgumentHelp("A boot module; may be repeated.", valueName: "file"))
  var modules: [String] = []

  @Option(
    name: [.customShort("m"), .customLong("memory")],
    help: ArgumentHelp("RAM in MiB; 128 for --kernel, else 16.", valueName: "n"))
  var memoryMiB: Int?

  mutating func validate() throws {
    let named = [guest, flat, multiboot, kernel].compactMap { $0 }.count
    guard named == 1 else {
      throw ValidationError("name exactly one guest: --guest, --flat, --multiboot or --kernel")
    }
    guard (flat == nil) == (loadAddress == nil) else {
      throw ValidationError("--flat and --at go together")
    }
    guard flat != nil || entry == nil else { throw ValidationError("--entry needs --flat") }
    let takesArguments = multiboot != nil || guest.map(Self.takesArguments) ?? false
    guard takesArguments || modules.isEmpty else {
      throw ValidationError("--module needs a Multiboot guest")
    }
    guard takesArguments || kernel != nil || append == nil else {
      throw ValidationError("--append needs --kernel or a Multiboot guest")
    }
    guard kernel != nil || initrd == nil else { throw ValidationError("--initrd needs --kernel") }
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
