internal import ArgumentParser
internal import BuiltInGuests
internal import Bytes
internal import Machine
internal import Trace

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

/// A number in decimal or, with 0x, hexadecimal.
struct Address: ExpressibleByArgument {
  var value: UInt64

  init?(argument: String) {
    let isHex = argument.lowercased().hasPrefix("0x")
    guard
      let value = UInt64(isHex ? String(argument.dropFirst(2)) : argument, radix: isHex ? 16 : 10)
    else { return nil }
    self.value = value
  }
}

/// A duration such as `5ms`, `250us`, `2s` or, in seconds, `1.5`.
struct Duration: ExpressibleByArgument, CustomStringConvertible {
  var nanoseconds: UInt64

  static func milliseconds(_ count: UInt64) -> Duration { Duration(nanoseconds: count * 1_000_000) }

  private init(nanoseconds: UInt64) {
    self.nanoseconds = nanoseconds
  }

  /// As a user would write it, in the largest unit that needs no fraction.
  var description: String {
    for (suffix, scale) in [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000)] as [(_, UInt64)]
    where nanoseconds.isMultiple(of: scale) {
      return "\(nanoseconds / scale)\(suffix)"
    }
    return "\(nanoseconds)ns"
  }

  init?(argument: String) {
    let units: [(suffix: String, scale: Double)] = [
      ("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("", 1e9),
    ]
    for (suffix, scale) in units where argument.hasSuffix(suffix) {
      guard let number = Double(argument.dropLast(suffix.count)), number.isFinite, number >= 0,
        number * scale < 1e18
      else { return nil }
      nanoseconds = UInt64(number * scale)
      return
    }
    return nil
  }
}

/// A guest read from its files, with its identity for the metadata.
struct GuestImage {
  enum Loader {
    case flat(FlatLoader)
    case multiboot(MultibootLoader)
  }

  var loader: Loader
  var identity: Metadata.Guest
  var memoryMiB: Int
  var readsInput: Bool

  static let defaultMemoryMiB = 16

  /// Reads what the options name.
  static func read(_ options: GuestOptions) throws -> GuestImage {
    if let name = options.guest { return try builtIn(name, options) }
    if let path = options.multiboot {
      return try multiboot(try InputFile.read(path), path: path, kind: "multiboot", options)
    }
    guard let path = options.flat, let address = options.loadAddress?.value else {
      throw CommandFailure("no guest was named")
    }
    let mode: FlatLoader.Mode = options.entry == .real ? .realMode : .longMode64
    return flat(try InputFile.read(path), path: path, kind: "flat", address, mode, options)
  }

  private static func builtIn(_ name: String, _ options: GuestOptions) throws -> GuestImage {
    guard let guest = BuiltInGuest.named(name) else {
      let names = BuiltInGuest.all.map(\.name).joined(separator: ", ")
      throw CommandFailure("there is no built-in guest \(name); there are: \(names)")
    }
    var image =
      switch guest.entry {
      case .multiboot: try multiboot(guest.image, path: name, kind: "built-in", options)
      case .realMode:
        flat(guest.image, path: name, kind: "built-in", guest.loadAddress, .realMode, options)
      case .longMode64:
        flat(guest.image, path: name, kind: "built-in", guest.loadAddress, .longMode64, options)
      }
    image.memoryMiB = options.memoryMiB ?? guest.memoryMiB
    image.readsInput = guest.isInteractive
    return image
  }

  private static func flat(
    _ bytes: [UInt8], path: String, kind: String, _ address: UInt64, _ mode: FlatLoader.Mode,
    _ options: GuestOptions
  ) -> GuestImage {
    GuestImage(
      loader: .flat(FlatLoader(image: bytes, loadAddress: address, mode: mode)),
      identity: identity(kind, path, bytes, loadAddress: address),
      memoryMiB: options.memoryMiB ?? defaultMemoryMiB, readsInput: true)
  }

  private static func multiboot(
    _ bytes: [UInt8], path: String, kind: String, _ options: GuestOptions
  ) throws -> GuestImage {
    let modules = try options.modules.map { path in
      MultibootLoader.Module(bytes: try InputFile.read(path), commandLine: path)
    }
    // Multiboot kernels expect their own name as the first word, as boot loaders pass it.
    let line = [InputFile.name(of: path), options.append].compactMap { $0 }
    var identity = identity(kind, path, bytes, loadAddress: nil)
    identity.append = options.append
    identity.modules = zip(options.modules, modules).map {
      Metadata.Module(name: InputFile.name(of: $0), sha256: hex(SHA256.hash($1.bytes)))
    }
    return GuestImage(
      loader: .multiboot(
        MultibootLoader(image: bytes, commandLine: line.joined(separator: " "), modules: modules)),
      identity: identity, memoryMiB: options.memoryMiB ?? defaultMemoryMiB, readsInput: true)
  }

  private static func identity(
    _ kind: String, _ path: String, _ image: [UInt8], loadAddress: UInt64?
  ) -> Metadata.Guest {
    Metadata.Guest(
      kind: kind, name: InputFile.name(of: path), sha256: hex(SHA256.hash(image)),
      loadAddress: loadAddress, append: nil, modules: [])
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// Loads the guest into RAM.
  func load(into memory: GuestMemory) throws -> LoadedGuest {
    do {
      switch loader {
      case .flat(let loader): return try loader.load(into: memory)
      case .multiboot(let loader): return try loader.load(into: memory)
      }
    } catch {
      throw CommandFailure("\(identity.name): \(error.description)")
    }
  }
}
