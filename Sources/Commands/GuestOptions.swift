internal import ArgumentParser
internal import BuiltInGuests
internal import Bytes
internal import Machine
internal import Trace

/// Which guest to run; QEMU's spellings where QEMU has them.
struct GuestOptions: ParsableArguments {
  @Option(name: .long, help: "A built-in guest (see `vmreel guests`).")
  var guest: String?

  @Option(name: .long, help: "A flat binary; needs --at.")
  var flat: String?

  @Option(name: .customLong("at"), help: "Load and entry address of --flat, such as 0x7c00.")
  var loadAddress: Address?

  @Option(name: .long, help: "How --flat starts: real (16-bit) or long64.")
  var entry: FlatEntry = .real

  @Option(name: .long, help: "A Multiboot 1 kernel (ELF32, ELF64 or a.out-kludge).")
  var multiboot: String?

  @Option(name: .long, help: "The kernel's arguments, for --multiboot.")
  var append: String?

  @Option(name: .customLong("module"), help: "A boot module; may be repeated.")
  var modules: [String] = []

  @Option(name: [.customShort("m"), .customLong("memory")], help: "RAM in MiB.")
  var memoryMiB: Int?

  mutating func validate() throws {
    let named = [guest, flat, multiboot].compactMap { $0 }.count
    guard named == 1 else {
      throw ValidationError("name exactly one guest: --guest, --flat or --multiboot")
    }
    guard (flat == nil) == (loadAddress == nil) else {
      throw ValidationError("--flat and --at go together")
    }
    guard multiboot != nil || (append == nil && modules.isEmpty) || guest != nil else {
      throw ValidationError("--append and --module need --multiboot")
    }
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
struct Duration: ExpressibleByArgument {
  var nanoseconds: UInt64

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

  init(_ options: GuestOptions) throws {
    if let name = options.guest {
      try self.init(builtIn: name, options)
    } else if let path = options.flat, let address = options.loadAddress {
      let image = try InputFile.read(path)
      loader = .flat(
        FlatLoader(
          image: image, loadAddress: address.value,
          mode: options.entry == .real ? .realMode : .longMode64))
      identity = Self.identity("flat", path, image, loadAddress: address.value)
      memoryMiB = options.memoryMiB ?? Self.defaultMemoryMiB
      readsInput = true
    } else if let path = options.multiboot {
      try self.init(multiboot: try InputFile.read(path), path: path, kind: "multiboot", options)
    } else {
      throw CommandFailure("no guest was named")
    }
  }

  private init(builtIn name: String, _ options: GuestOptions) throws {
    guard let guest = BuiltInGuest.named(name) else {
      let names = BuiltInGuest.all.map(\.name).joined(separator: ", ")
      throw CommandFailure("there is no built-in guest \(name); there are: \(names)")
    }
    switch guest.entry {
    case .multiboot:
      try self.init(multiboot: guest.image, path: name, kind: "built-in", options)
    case .realMode, .longMode64:
      loader = .flat(
        FlatLoader(
          image: guest.image, loadAddress: guest.loadAddress,
          mode: guest.entry == .realMode ? .realMode : .longMode64))
      identity = Self.identity("built-in", name, guest.image, loadAddress: guest.loadAddress)
      memoryMiB = guest.memoryMiB
      readsInput = false
    }
    memoryMiB = options.memoryMiB ?? guest.memoryMiB
    readsInput = guest.isInteractive
  }

  private init(multiboot image: [UInt8], path: String, kind: String, _ options: GuestOptions)
    throws
  {
    let modules = try options.modules.map { path in
      MultibootLoader.Module(bytes: try InputFile.read(path), commandLine: path)
    }
    // Multiboot kernels expect their own name as the first word, as boot loaders pass it.
    let line = [InputFile.name(of: path), options.append].compactMap { $0 }
    loader = .multiboot(
      MultibootLoader(
        image: image, commandLine: line.joined(separator: " "), modules: modules))
    identity = Self.identity(kind, path, image, loadAddress: nil)
    identity.append = options.append
    identity.modules = zip(options.modules, modules).map {
      Metadata.Module(name: InputFile.name(of: $0), sha256: Self.hex(SHA256.hash($1.bytes)))
    }
    memoryMiB = options.memoryMiB ?? Self.defaultMemoryMiB
    readsInput = true
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
    } catch let error as LoaderError {
      throw CommandFailure("\(identity.name): \(error.description)")
    }
  }
}
