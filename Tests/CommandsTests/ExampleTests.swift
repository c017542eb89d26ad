import BuiltInGuests
import Testing

extension ProgramTests {
  /// The examples users are shown, typed as they are shown.
  @Suite(.needsKVM) struct Examples {
    /// Real-mode code that prints "OK" on the serial port and ends with 0 at port 0xf4.
    static let bootSector: [UInt8] = [
      0xba, 0xf8, 0x03,  // mov dx, 0x3f8
      0xb0, 0x4f, 0xee,  // mov al, 'O'; out dx, al
      0xb0, 0x4b, 0xee,  // mov al, 'K'; out dx, al
      0xba, 0xf4, 0x00,  // mov dx, 0xf4
      0x66, 0x31, 0xc0,  // xor eax, eax
      0x66, 0xef,  // out dx, eax
      0xf4, 0xeb, 0xfd,  // hlt; jmp to it
    ]

    @Test func tickerReplayAndStatistics() throws {
      let directory = try TestDirectory()
      try directory.shell("vmreel record --guest ticker -o ticker.reel").expectSuccess()
      let replayed = try directory.shell("vmreel replay ticker.reel")
      #expect(replayed.errors.hasPrefix("identical: "), "\(replayed.story)")
      #expect(replayed.errors.contains(" keyframes, "))
      try directory.shell("vmreel stats ticker.reel --format json").expectSuccess()
    }

    @Test func flatBinary() throws {
      let directory = try TestDirectory()
      try directory.write(Self.bootSector, to: "boot.bin")
      let recorded = try directory.shell(
        "vmreel record --flat boot.bin --at 0x7c00 --for 5 -o b.reel")
      #expect(recorded.text == "OK" && recorded.status == 0, "\(recorded.story)")
      let replayed = try directory.vmreel("replay", "b.reel")
      #expect(replayed.text == "OK" && replayed.errors.hasPrefix("identical: "))
    }

    @Test func flatBinaryIn64BitMode() throws {
      let directory = try TestDirectory()
      // The same instructions mean the same in long mode, but for the prefixes of the last two.
      let code = Self.bootSector.prefix(9) + [0xba, 0xf4, 0, 0, 0, 0x31, 0xc0, 0xef, 0xf4]
      let long = [0xba, 0xf8, 0x03, 0, 0] + code.dropFirst(3)
      try directory.write(long, to: "boot64.bin")
      let recorded = try directory.vmreel(
        "record", "--flat", "boot64.bin", "--at", "0x100000", "--entry", "long64", "-o", "b.reel")
      #expect(recorded.text == "OK" && recorded.status == 0, "\(recorded.story)")
      try directory.vmreel("replay", "b.reel").expectSuccess()
    }

    /// The kernel prints what it was given: its arguments and its module must arrive.
    @Test func multibootKernel() throws {
      let directory = try TestDirectory()
      let kernel = try #require(BuiltInGuest.named("multiboot"))
      try directory.write(kernel.image, to: "kernel.elf")
      try directory.write("KEY=value from the module\n".utf8, to: "env.txt")
      let recorded = try directory.shell(
        #"vmreel record --multiboot kernel.elf --append "a=1" --module env.txt -m 64 -o k.reel"#)
      #expect(recorded.status == 0, "\(recorded.story)")
      #expect(recorded.text.contains("kernel.elf a=1"), "\(recorded.story)")
      #expect(recorded.text.contains("KEY=value from the module"), "\(recorded.story)")
      let replayed = try directory.vmreel("replay", "k.reel")
      #expect(replayed.errors.hasPrefix("identical: ") && replayed.output == recorded.output)
      #expect(try directory.vmreel("info", "k.reel").text.contains("64 MiB"))
    }

    @Test func echoAndDifference() throws {
      let directory = try TestDirectory()
      let recorded = try directory.shell("echo hello | vmreel record --guest echo -o echo.reel")
      #expect(recorded.text.contains("hEllO"), "\(recorded.story)")
      try directory.shell("cp echo.reel b.reel").expectSuccess()
      let difference = try directory.shell("vmreel diff echo.reel b.reel >/dev/null; echo $?")
      #expect(difference.text == "0\n")
    }

    @Test func defaultName() throws {
      let directory = try TestDirectory()
      try directory.vmreel("record", "--guest", "hello").expectSuccess()
      #expect(try directory.files() == ["hello.reel"])
    }

    /// The guest: mov ax, 0xb800; mov es, ax; mov byte [es:4], 'V'; cli; hlt.
    @Test func screen() throws {
      let directory = try TestDirectory()
      let code: [UInt8] = [
        0xb8, 0x00, 0xb8, 0x8e, 0xc0, 0x26, 0xc6, 0x06, 0x04, 0x00, 0x56, 0xfa, 0xf4,
      ]
      try directory.write(code, to: "v.bin")
      let recorded = try directory.vmreel(
        "record", "--flat", "v.bin", "--at", "0x7c00", "--dump-vga", "-o", "v.reel")
      #expect(recorded.status == 0 && recorded.text == "  V\n", "\(recorded.story)")
      let replayed = try directory.vmreel("replay", "v.reel", "--dump-vga")
      #expect(replayed.status == 0 && replayed.text == "  V\n", "\(replayed.story)")
    }
  }

  /// What needs no KVM: help, versions, lists.
  @Suite struct Help {
    static let commands = [
      ["record"], ["replay"], ["join"], ["info"], ["dump"], ["stats"], ["diff"], ["verify"],
      ["recover"], ["trim"], ["strip"], ["import"], ["guests"], ["doctor"], ["bench"],
      ["bench", "exits"],
      ["bench", "guest"], ["bench", "replay"], ["bench", "write"], ["bench", "read"],
      ["bench", "stats"], ["bench", "diff"], ["bench", "seek"], ["bench", "size"],
      ["bench", "generate"],
    ]

    @Test(arguments: commands)
    func showsAnExample(command: [String]) throws {
      let directory = try TestDirectory()
      let help = try directory.vmreel(command + ["--help"])
      #expect(help.status == 0 && help.errors.isEmpty, "\(help.story)")
      #expect(help.text.contains("Example:\n"), "\(help.story)")
      #expect(help.text.contains("vmreel " + command.joined(separator: " ")))
    }

    @Test func versionNamesTheFormat() throws {
      let version = try TestDirectory().vmreel("--version")
      #expect(version.status == 0 && version.text.contains("trace format 1.0"))
    }

    @Test func guestsAreListed() throws {
      let list = try TestDirectory().vmreel("guests")
      for guest in BuiltInGuest.all { #expect(list.text.contains(guest.summary)) }
    }

    /// The doctor's status says whether guests can be recorded, which the tests know themselves.
    @Test func doctorAgreesWithTheTests() throws {
      let doctor = try TestDirectory().vmreel("doctor")
      #expect(doctor.status == (kvmUnavailable == nil ? 0 : 2), "\(doctor.story)")
    }
  }
}
