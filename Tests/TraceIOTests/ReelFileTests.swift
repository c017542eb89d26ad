import Foundation
import Glibc
import Testing
import Trace
import TraceIO

@Suite("Files opened for reading")
struct ReelFileTests {
  @Test("What is not a readable file is refused by errno, a FIFO without waiting for its writer")
  func refusals() throws {
    let directory = try TemporaryDirectory()
    #expect(throws: FileError(.open, directory.path, EISDIR)) {
      _ = try ReelFile(path: directory.path)
    }
    let missing = directory.file("missing.reel")
    let error = #expect(throws: FileError(.open, missing, ENOENT)) {
      _ = try ReelFile(path: missing)
    }
    #expect(error?.description == "cannot open \(missing): No such file or directory")
    let pipe = directory.file("pipe")
    #expect(unsafe mkfifo(pipe, 0o600) == 0)
    #expect(throws: FileError(.open, pipe, EINVAL)) { _ = try ReelFile(path: pipe) }
  }

  @Test("An empty file opens and is no reel")
  func empty() throws {
    let directory = try TemporaryDirectory()
    let file = try ReelFile(path: try directory.write("", to: "empty"))
    #expect(file.byteCount == 0)
    #expect(throws: TraceError.notAReel) { _ = try Reel(file) }
  }

  @Test("Reads return the bytes asked for; a file that shrank is an error, not a short read")
  func reads() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("0123456789", to: "digits")
    let file = try ReelFile(path: path)
    #expect(try file.read(at: 3, count: 4) == Array("3456".utf8))
    #expect(try file.read(at: 10, count: 0) == [])
    #expect(unsafe truncate(path, 5) == 0)
    #expect(throws: TraceError.unreadable(offset: 3, errorNumber: EIO)) {
      _ = try file.read(at: 3, count: 4)
    }
  }
}
