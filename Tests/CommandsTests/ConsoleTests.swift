import Glibc
import Testing

@testable import Commands

@Suite("The console's escape key")
struct ConsoleEscapeTests {
  private func keys(_ text: String) -> [ConsoleEscape.Key] {
    var escape = ConsoleEscape()
    return text.utf8.map { escape.key($0) }
  }

  @Test("Everything but commands goes to the guest")
  func sends() {
    #expect(keys("a\u{3}\r") == [.send(0x61), .send(3), .send(13)])
    #expect(keys("x\u{1}\u{1}x") == [.send(0x78), .none, .send(1), .send(0x78)])
    #expect(keys("\u{1}a\u{1}A") == [.none, .send(1), .none, .send(1)])
  }

  @Test("Commands are obeyed and unknown ones dropped")
  func commands() {
    #expect(keys("\u{1}x") == [.none, .leave])
    #expect(keys("\u{1}X") == [.none, .leave])
    #expect(keys("\u{1}h\u{1}?") == [.none, .help, .none, .help])
    #expect(keys("\u{1}zq") == [.none, .none, .send(0x71)])
  }
}

extension ProgramTests {
  /// A guest on a terminal: the keys reach it one by one, and the terminal is put back.
  @Suite(.needsKVM) struct Console {
    struct NoPrompt: Error {}

    private func start(_ directory: TestDirectory, _ terminal: PseudoTerminal) throws -> Program {
      try directory.write(EchoKernel.image, to: "echo.elf")
      #expect(terminal.isCooked)
      let program = try directory.start(
        "record", "--kernel", "echo.elf", "-m", "4", "-o", "echo.reel",
        input: .file(terminal.path))
      guard program.waitForOutput(">") else {
        Issue.record("no prompt: \(program.wait().story)")
        throw NoPrompt()
      }
      #expect(!terminal.isCooked)
      return program
    }

    @Test func keysReachTheGuestAndTheReel() throws {
      let directory = try TestDirectory()
      let terminal = try PseudoTerminal()
      let program = try start(directory, terminal)
      terminal.type(Array("ls\r".utf8) + [0x03, 0x04] + [0x01, 0x61] + Array("\u{1}h!".utf8))
      #expect(program.waitForOutput("!"))
      terminal.type([0x01, 0x78])
      let run = directory.finish(program, "record", #_sourceLocation)
      #expect(run.status == 0, "\(run.story)")
      #expect(run.text == ">ls\r\u{3}\u{4}\u{1}!")
      #expect(run.errors.contains("ended by the user"), "\(run.story)")
      #expect(run.errors.contains("\nconsole: Ctrl-A X ends"), "\(run.story)")
      #expect(terminal.isCooked)

      let replay = try directory.vmreel("replay", "echo.reel")
      #expect(replay.status == 0, "\(replay.story)")
      #expect(replay.text == run.text)
      #expect(try directory.vmreel("verify", "echo.reel").status == 0)
    }

    @Test(arguments: [SIGTERM, SIGHUP, SIGINT])
    func aSignalRestoresTheTerminal(signal: Int32) throws {
      let directory = try TestDirectory()
      let terminal = try PseudoTerminal()
      let program = try start(directory, terminal)
      program.send(signal)
      let run = directory.finish(program, "record", #_sourceLocation)
      #expect(run.status == 128 + signal, "\(run.story)")
      #expect(terminal.isCooked)
    }

    @Test func aTimeLimitRestoresTheTerminal() throws {
      let directory = try TestDirectory()
      let terminal = try PseudoTerminal()
      try directory.write(EchoKernel.image, to: "echo.elf")
      let run = try directory.vmreel(
        "record", "--kernel", "echo.elf", "-m", "4", "--for", "300ms", "-o", "echo.reel",
        input: .file(terminal.path))
      #expect(run.status == 0, "\(run.story)")
      #expect(run.errors.contains("ended by time limit"), "\(run.story)")
      #expect(terminal.isCooked)
    }

    @Test func aFailureBeforeTheStartLeavesTheTerminalAlone() throws {
      let directory = try TestDirectory()
      let terminal = try PseudoTerminal()
      try directory.write(EchoKernel.image, to: "echo.elf")
      let run = try directory.vmreel(
        "record", "--kernel", "echo.elf", "-m", "4", "-o", "no/such/directory.reel",
        input: .file(terminal.path))
      expectTrouble(run, "no/such/directory")
      #expect(terminal.isCooked)
    }
  }
}
