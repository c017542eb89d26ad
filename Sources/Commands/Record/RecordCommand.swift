internal import ArgumentParser
internal import Trace

/// `vmreel record`: runs a guest and writes its reel.
struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record",
    abstract: "Run a guest on KVM and write down everything that crosses its boundary.",
    discussion: """
      The guest's console goes to standard output, notes to standard error; the last line names \
      why the recording ended. Standard input that is not a terminal is read to its end before \
      the guest starts, when the guest reads input. With -o - the reel goes to standard output, \
      which must be a pipe or a file, and the console to standard error.

      Example:
        echo hello | vmreel record --guest echo -o echo.reel
        vmreel record --guest ticker -o - | ssh archive 'cat > ticker.reel'
      """)

  @OptionGroup var guestOptions: GuestOptions
  @OptionGroup var policyOptions: PolicyOptions

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The reel to write; NAME.reel by default, - for standard output.", valueName: "file"))
  var output: String?

  @Flag(name: .long, help: "Overwrite an existing reel.")
  var force = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Bytes for the serial port: a file, - for standard input, or none.", valueName: "file"))
  var input: String?

  @Flag(
    name: .long,
    help: "Record the exits the kernel handles alone too, from KVM's tracepoints (needs root).")
  var kernelExits = false

  @Flag(name: .customLong("dump-vga"), help: "Print the VGA text screen at the end.")
  var dumpVGA = false

  @Flag(name: .long, help: "End with the status the guest wrote to the debug-exit port.")
  var guestStatus = false

  mutating func validate() throws {
    guard output != "" else { throw ValidationError("-o needs the name of a file, or -") }
  }

  func run() throws {
    let image = try GuestImage.read(guestOptions)
    let session = try RecordSession(
      image: image, policy: policyOptions, output: output ?? "\(image.identity.name).reel",
      overwrite: force, input: input, tracesKernelExits: kernelExits)
    let result = try session.run()
    if dumpVGA { StandardOutput.shared.write(VGAText.render(session.memory)) }
    try StandardOutput.shared.flush()
    if result.reason == .signal {
      throw ExitStatus.signal(Int32(truncatingIfNeeded: result.detail))
    }
    if guestStatus, result.reason == .debugExit {
      throw ExitStatus(code: Int32(truncatingIfNeeded: result.detail & 0xff))
    }
  }
}
