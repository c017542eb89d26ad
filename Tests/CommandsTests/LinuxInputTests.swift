import Testing

extension ProgramTests {
  /// Linux files that cannot be used: one sentence, status 2, and no reel.
  @Suite(.needsKVM) struct LinuxInput {
    private func refused(
      _ arguments: [String], _ words: String, kernel: [UInt8] = EchoKernel.image,
      initrd: [UInt8] = [], location: SourceLocation = #_sourceLocation
    ) throws {
      let directory = try TestDirectory()
      try directory.write(kernel, to: "kernel")
      try directory.write(initrd, to: "initrd")
      let run = try directory.vmreel(["record", "--kernel", "kernel"] + arguments)
      expectTrouble(run, words, location: location)
      #expect(run.output.isEmpty, sourceLocation: location)
      #expect(try directory.files() == ["initrd", "kernel"], sourceLocation: location)
    }

    @Test func kernels() throws {
      try refused([], "the image is empty", kernel: [])
      try refused([], "no Linux kernel", kernel: Array("#!/bin/sh\n".utf8))
      try refused([], "copy the file again", kernel: Array(EchoKernel.image.dropLast(8)))
      try refused(["--initrd", "nosuch"], "cannot read nosuch")
    }

    @Test func initrds() throws {
      let archive = Array("070701".utf8)
      try refused(["--initrd", "initrd"], "initrd: the initrd is empty")
      try refused(["--initrd", "initrd"], "neither a cpio archive", initrd: [1, 2, 3])
      try refused(["--initrd", "initrd"], "breaks off", initrd: archive)
      try refused(["--initrd", "initrd"], "member at offset 0x0", initrd: Self.truncatedArchive)
      try refused(["--initrd", "initrd"], "gzip data", initrd: [0x1f, 0x8b, 8, 0])
      let large = [0xfd, 0x37, 0x7a, 0x58, 0x5a] + [UInt8](repeating: 0, count: 5 << 20)
      try refused(["--initrd", "initrd", "-m", "4"], "use -m 7 or more", initrd: large)
    }

    /// A cpio archive (newc) of one file of 4096 bytes that ends after 1000 of them.
    private static let truncatedArchive: [UInt8] = {
      let fields = [1, 0o100644, 0, 0, 1, 0, 4096, 0, 0, 0, 0, 5, 0].map { field in
        let digits = String(field, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
      }
      return Array(("070701" + fields.joined() + "init\0").utf8) + [0]
        + [UInt8](repeating: 0x41, count: 1000)
    }()

    @Test func options() throws {
      let line = String(repeating: "x", count: 2048)
      try refused(["--append", line], "the kernel reads 2047")
      try refused(["-m", "1"], "use -m 2 or more")
      try refused(["--module", "initrd"], "--module needs")
      try refused(["--guest", "hello"], "exactly one guest")
      let directory = try TestDirectory()
      expectTrouble(
        try directory.vmreel("record", "--guest", "hello", "--initrd", "x"), "--initrd needs")
    }

    @Test func identityIsRecorded() throws {
      let directory = try TestDirectory()
      try directory.write(EchoKernel.image, to: "kernel")
      try directory.write([0xfd, 0x37, 0x7a, 0x58, 0x5a], to: "initrd")
      let run = try directory.vmreel(
        "record", "--kernel", "kernel", "--initrd", "initrd", "--append", "console=ttyS0 x=1",
        "-m", "4", "--for", "50ms", "-o", "boot.reel")
      #expect(run.status == 0, "\(run.story)")
      let info = try directory.vmreel("info", "boot.reel").text
      for words in [
        "kernel (linux)", "entry         pvh", "append        console=ttyS0 x=1", "initrd ",
        "memory        4 MiB",
      ] { #expect(info.contains(words), "no \(words) in \(info)") }
      let sums = try directory.shell("sha256sum kernel initrd | cut -d' ' -f1").text
      for sum in sums.split(separator: "\n") { #expect(info.contains(sum)) }
    }
  }
}
