internal import Machine

/// Guest images from fuzz inputs, loaded as `record` does.
enum LoaderInput {
  private static let memoryMiB = 8

  /// A multiboot kernel: u8 bytes of a module, u8 bytes of the command line, both, the image.
  static func multiboot(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    let moduleByteCount = Int(input.byte())
    let lineByteCount = Int(input.byte())
    let line = String(decoding: input.bytes(lineByteCount), as: UTF8.self)
    let module = MultibootLoader.Module(bytes: input.bytes(moduleByteCount), commandLine: line)
    let loader = MultibootLoader(
      image: input.remainder(), commandLine: line, modules: moduleByteCount == 0 ? [] : [module])
    load { memory throws(LoaderError) in try loader.load(into: memory) }
  }

  /// An ELF kernel: loaded, and searched for RDTSC.
  static func elf(_ bytes: [UInt8]) {
    linux(bytes, initrd: nil)
    rewriteTimestamps(bytes)
  }

  /// A bzImage, after u8 0; an initrd after any other byte.
  static func bzImage(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    guard input.byte() == 0 else { return linux(kernel, initrd: input.remainder()) }
    let image = input.remainder()
    linux(image, initrd: nil)
    if let elf = try? LinuxPayload.extract(image) { rewriteTimestamps(elf) }
  }

  private static func linux(_ bytes: [UInt8], initrd: [UInt8]?) {
    let loader = LinuxLoader(kernel: bytes, commandLine: "quiet", initrd: initrd)
    do throws(LoaderError) {
      _ = try loader.entry()
    } catch {
      precondition(!error.description.isEmpty)
    }
    load { memory throws(LoaderError) in try loader.load(into: memory) }
  }

  private static func rewriteTimestamps(_ elf: [UInt8]) {
    guard let patch = try? TimestampPatch(elf) else { return }
    var patched = elf
    patch.apply(to: &patched)
    precondition(patched.count == elf.count, "a rewritten kernel has another size")
  }

  /// A refused image must leave RAM alone; a loaded one must lie in it.
  private static func load(_ body: (GuestMemory) throws(LoaderError) -> LoadedGuest) {
    guard let memory = try? GuestMemory(mebibytes: memoryMiB) else {
      preconditionFailure("the host has no 8 MiB")
    }
    do throws(LoaderError) {
      let guest = try body(memory)
      for range in guest.occupied {
        precondition(
          range.addresses.upperBound <= UInt64(memory.byteCount), "\(range.name) is not in RAM")
      }
    } catch {
      precondition(memory.takeBoardWrittenPages().isEmpty, "a refused image is in RAM")
      precondition(!error.description.isEmpty)
    }
  }

  /// The smallest ELF kernel with a PVH entry.
  private static let kernel: [UInt8] = {
    var image = [UInt8](repeating: 0, count: 0x200)
    func put(_ value: UInt64, _ byteCount: Int, at place: Int) {
      for index in 0..<byteCount {
        image[place + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
      }
    }
    image.replaceSubrange(0..<6, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1])
    put(2, 2, at: 16)
    put(62, 2, at: 18)
    put(0x10_0040, 8, at: 24)
    put(64, 8, at: 32)
    put(56, 2, at: 54)
    put(2, 2, at: 56)
    for (place, type, offset, size) in [(64, 1, 0x100, 0x100), (120, 4, 0x1c0, 20)] {
      put(UInt64(type), 4, at: place)
      put(UInt64(offset), 8, at: place + 8)
      put(UInt64(0x10_0000 + offset - 0x100), 8, at: place + 24)
      put(UInt64(size), 8, at: place + 32)
      put(UInt64(size), 8, at: place + 40)
    }
    put(4, 4, at: 0x1c0)
    put(4, 4, at: 0x1c4)
    put(18, 4, at: 0x1c8)
    image.replaceSubrange(0x1cc..<0x1d0, with: Array("Xen\0".utf8))
    put(0x10_0040, 4, at: 0x1d0)
    return image
  }()
}
