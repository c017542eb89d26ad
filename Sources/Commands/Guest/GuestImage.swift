internal import Analysis
internal import BuiltInGuests
internal import Bytes
internal import Machine
internal import Trace

/// A guest read from its files, with its identity for the metadata.
struct GuestImage {
  enum Loader {
    case flat(FlatLoader)
    case multiboot(MultibootLoader)
    case linux(LinuxLoader)
  }

  var loader: Loader
  var identity: Metadata.Guest
  var memoryMiB: Int
  var readsInput: Bool

  /// Whether the guest edits lines itself, so that a terminal's keys go to it one by one.
  var hasConsole: Bool {
    if case .linux = loader { return true }
    return false
  }

  static let defaultMemoryMiB = 16

  /// Reads what the options name.
  static func read(_ options: GuestOptions) throws -> GuestImage {
    if let name = options.guest { return try builtIn(name, options) }
    if let path = options.multiboot {
      return try multiboot(try InputFile.read(path), path: path, kind: "multiboot", options)
    }
    if let path = options.kernel { return try linux(path, options) }
    guard let path = options.flat, let address = options.loadAddress?.value else {
      throw CommandFailure("no guest was named")
    }
    let mode: FlatLoader.Mode = options.entry == .long64 ? .longMode64 : .realMode
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
      Metadata.Module(
        name: InputFile.name(of: $0), sha256: HexBytes.text(of: SHA256.hash($1.bytes)))
    }
    return GuestImage(
      loader: .multiboot(
        MultibootLoader(image: bytes, commandLine: line.joined(separator: " "), modules: modules)),
      identity: identity, memoryMiB: options.memoryMiB ?? defaultMemoryMiB, readsInput: true)
  }

  private static func linux(_ path: String, _ options: GuestOptions) throws -> GuestImage {
    let kernel = try InputFile.read(path)
    let initrd = try options.initrd.map { try InputFile.read($0) }
    let loader = LinuxLoader(kernel: kernel, commandLine: options.append ?? "", initrd: initrd)
    var identity = identity("linux", path, kernel, loadAddress: nil)
    identity.append = options.append
    if let path = options.initrd, let initrd {
      identity.initrd = Metadata.Module(
        name: InputFile.name(of: path), sha256: HexBytes.text(of: SHA256.hash(initrd)))
    }
    do {
      identity.entry = try loader.entry().rawValue
    } catch {
      throw CommandFailure("\(identity.name): \(error.description)")
    }
    return GuestImage(
      loader: .linux(loader), identity: identity,
      memoryMiB: options.memoryMiB ?? LinuxLoader.defaultMemoryMiB, readsInput: true)
  }

  private static func identity(
    _ kind: String, _ path: String, _ image: [UInt8], loadAddress: UInt64?
  ) -> Metadata.Guest {
    Metadata.Guest(
      kind: kind, name: InputFile.name(of: path), sha256: HexBytes.text(of: SHA256.hash(image)),
      loadAddress: loadAddress, append: nil, modules: [])
  }

  /// Loads the guest into RAM.
  func load(into memory: GuestMemory) throws -> LoadedGuest {
    do {
      switch loader {
      case .flat(let loader): return try loader.load(into: memory)
      case .multiboot(let loader): return try loader.load(into: memory)
      case .linux(let loader): return try loader.load(into: memory)
      }
    } catch {
      let initrd = error.isOfInitrd ? identity.initrd?.name : nil
      throw CommandFailure("\(initrd ?? identity.name): \(error.description)")
    }
  }
}
