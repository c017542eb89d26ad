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
      try refused(["--initrd", "initrd"], "the initrd is empty")
      try refused(["--initrd", "initrd"], "neither a cpio archive", initrd: [1, 2, 3])
      try refused(["--initrd", "initrd"], "breaks off", initrd: archive)
      let large = [0x1f, 0x8b] + [UInt8](repeating: 0, count: 5 << 20)
      try refused(["--initrd", "initrd", "-m", "4"], "use -m 7 or more", initrd: large)
    }

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
      try directory.write([0x1f, 0x8b, 8, 0], to: "initrd")
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
