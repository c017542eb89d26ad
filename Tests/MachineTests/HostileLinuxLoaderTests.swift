import Testing

@testable import Machine

@Suite("The Linux loader facing hostile images")
struct HostileLinuxLoaderTests {
  static let bzImage = SyntheticLinux.bzImage(
    payload: SyntheticLinux.lz4(SyntheticLinux.elf()))

  private func refusal(_ kernel: [UInt8], initrd: [UInt8]? = nil) throws -> String? {
    let memory = try GuestMemory(mebibytes: 8)
    let error = #expect(throws: LoaderError.self) {
      try LinuxLoader(kernel: kernel, initrd: initrd).load(into: memory)
    }
    #expect(memory.takeBoardWrittenPages().isEmpty, "a refusal must leave RAM as it was")
    return error?.description
  }

  /// One field of the bzImage changed, and a part of the message it must earn.
  static let damages: [(offset: Int, bytes: [UInt8], message: String)] = [
    (0x202, [0], "no Linux kernel"),
    (0x1fe, [0], "no Linux kernel"),
    (0x206, [5, 2], "boot protocol 2.5"),
    (0x211, [0], "loadflags"),
    (0x201, [0x10], "setup header's size"),
    (0x201, [0xf0], "setup header's size"),
    (0x1f4, [0, 0, 0, 0], "syssize"),
    (0x1f4, [0xff, 0xff, 0xff, 0xff], "protected-mode code"),
    (0x258, [0, 0, 0, 0], "pref_address"),
    (0x25c, [1], "pref_address"),
    (0x260, [0, 0, 0, 0x40], "the kernel needs 1026 MiB of RAM"),
  ]

  @Test("A damaged setup header is refused with its reason", arguments: damages.indices)
  func damagedHeader(index: Int) throws {
    let damage = Self.damages[index]
    var image = Self.bzImage
    image.replaceSubrange(damage.offset..<damage.offset + damage.bytes.count, with: damage.bytes)
    let message = try refusal(image)
    #expect(message?.contains(damage.message) == true, "\(message ?? "accepted")")
  }

  @Test("What is no kernel is refused")
  func noKernel() throws {
    #expect(try refusal([]) == LoaderError.emptyImage.description)
    #expect(try refusal(Array("#!/bin/sh\n".utf8)) == LoaderError.notLinux.description)
    let program = SyntheticLinux.elf(note: nil, banner: "hello, world")
    #expect(try refusal(program) == LoaderError.noLinuxEntry.description)
    var shared = SyntheticLinux.elf()
    shared[16] = 3
    #expect(try refusal(shared) == LoaderError.noLinuxEntry.description)
    let elsewhere = SyntheticLinux.elf(note: SyntheticLinux.pvhNote(entry: 0x20_0000))
    #expect(try refusal(elsewhere) == LoaderError.entryOutsideImage(address: 0x20_0000).description)
  }

  @Test("Every truncation of a kernel is refused or harmless")
  func truncations() throws {
    let memory = try GuestMemory(mebibytes: 8)
    for kernel in [Self.bzImage, SyntheticLinux.elf()] {
      for count in kernel.indices {
        let part = Array(kernel.prefix(count))
        guard let guest = try? LinuxLoader(kernel: part).load(into: memory) else { continue }
        expectInside(guest, memory)
      }
    }
  }

  @Test("What is no initrd, or half of one, is refused")
  func initrds() throws {
    let kernel = SyntheticLinux.elf()
    #expect(try refusal(kernel, initrd: []) == LoaderError.emptyInitrd.description)
    #expect(try refusal(kernel, initrd: [1, 2, 3]) == LoaderError.notAnInitrd.description)
    let whole = LinuxLoaderTests.initrd
    let two = Array("070701".utf8) + memberRest(name: "file", contentByteCount: 8) + whole
    let memory = try GuestMemory(mebibytes: 8)
    _ = try LinuxLoader(kernel: kernel, initrd: two).load(into: memory)
    for count in 6..<two.count - 4 {
      let message = try refusal(kernel, initrd: Array(two.prefix(count)))
      #expect(message?.contains("breaks off in the member") == true, "\(count)")
    }
    var bad = two
    bad[60] = UInt8(ascii: "x")
    #expect(try refusal(kernel, initrd: bad) == LoaderError.truncatedInitrd(offset: 0).description)
  }

  private func memberRest(name: String, contentByteCount: Int) -> [UInt8] {
    func field(_ value: Int) -> String {
      let digits = String(value, radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }
    let zeros = String(repeating: "0", count: 48)
    let header =
      zeros + field(contentByteCount) + String(repeating: "0", count: 32)
      + field(name.utf8.count + 1) + field(0) + name
    let padded = Array(header.utf8) + [0]
    let padding = [UInt8](repeating: 0, count: (4 - (6 + padded.count) % 4) % 4)
    return padded + padding + [UInt8](repeating: 7, count: contentByteCount)
  }

  @Test("Random damage never traps or reaches outside RAM", arguments: 1...4 as ClosedRange<UInt64>)
  func randomDamage(seed: UInt64) throws {
    var generator = SeededGenerator(state: seed)
    let memory = try GuestMemory(mebibytes: 8)
    let elf = SyntheticLinux.elf()
    let stripped = SyntheticLinux.elf(note: nil)
    for round in 0..<2000 {
      // Loading makes page tables, which takes long in a debug build.
      let loads = round % 20 == 0
      var image = Self.bzImage
      generator.damage(&image, in: 0x1f1..<0x270)
      check(image, memory, loads)
      if let unpacked = try? LinuxPayload.extract(image) { #expect(unpacked == elf) }
      for original in [elf, stripped] {
        var image = original
        generator.damage(&image, in: 4..<image.count)
        check(image, memory, loads)
      }
      var initrd = LinuxLoaderTests.initrd
      generator.damage(&initrd, in: 6..<initrd.count)
      try? LinuxInitrd.check(initrd)
    }
  }

  @Test("Random damage to a payload never traps", arguments: [true, false])
  func randomPayloadDamage(lz4: Bool) throws {
    var generator = SeededGenerator(state: 7)
    let elf = SyntheticLinux.elf()
    let payload = lz4 ? SyntheticLinux.lz4(elf) : SyntheticLinux.zstd(elf)
    for _ in 0..<2000 {
      var damaged = payload
      generator.damage(&damaged, in: 4..<damaged.count - 4)
      _ = try? LinuxPayload.extract(SyntheticLinux.bzImage(payload: damaged))
    }
  }

  private func check(_ kernel: [UInt8], _ memory: GuestMemory, _ loads: Bool) {
    let loader = LinuxLoader(kernel: kernel, initrd: LinuxLoaderTests.initrd)
    _ = try? loader.entry()
    guard loads else { return }
    if let guest = try? loader.load(into: memory) { expectInside(guest, memory) }
  }

  private func expectInside(_ guest: LoadedGuest, _ memory: GuestMemory) {
    #expect(guest.occupied.allSatisfy { $0.addresses.upperBound <= UInt64(memory.byteCount) })
    #expect(guest.occupied.contains { $0.addresses.contains(guest.registers.rip) })
  }
}

/// A small generator with a fixed seed, so that a failure comes back.
private struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }

  /// Changes one to four bytes of a range, half of them to the extremes that overflow sums.
  mutating func damage(_ bytes: inout [UInt8], in range: Range<Int>) {
    for _ in 0..<Int.random(in: 1...4, using: &self) {
      let choice = UInt8.random(in: 0...255, using: &self)
      let byte: UInt8 = Bool.random(using: &self) ? choice : choice & 1 == 0 ? 0xff : 0
      bytes[Int.random(in: range, using: &self)] = byte
    }
  }
}
