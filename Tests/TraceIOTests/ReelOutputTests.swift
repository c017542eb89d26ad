import Foundation
import Glibc
import Testing
import Trace
import TraceIO

@Suite("The recording's file: part name, lock, refusals, failures")
struct ReelOutputTests {
  @Test("A recording is name.part until it is finished, then name")
  func partName() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("a.reel")
    let writer = try makeWriter(path)
    #expect(exists(path + ".part") && !exists(path))
    _ = try writer.finish(endRecord(events: 0))
    #expect(exists(path) && !exists(path + ".part"))
    #expect(try openReel(path).tail == .whole)
  }

  @Test("A second recorder of the same name is refused, even to overwrite; the first goes on")
  func lock() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("a.reel")
    let writer = try makeWriter(path)
    writer.append(Event(.halt))
    for overwrite in [false, true] {
      let error = #expect(throws: FileError(.lock, path + ".part", EWOULDBLOCK)) {
        _ = try makeWriter(path, overwrite: overwrite)
      }
      #expect(error?.description.contains("another recorder") == true)
    }
    _ = try writer.finish(endRecord(events: 1))
    #expect(try openReel(path).eventCount == 1)
  }

  @Test("An existing file is refused and kept, or overwritten at the end when told to")
  func existing() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("precious", to: "a.reel")
    #expect(throws: FileError(.create, path, EEXIST)) { _ = try makeWriter(path) }
    #expect(!exists(path + ".part"))
    let writer = try makeWriter(path, overwrite: true)
    #expect(text(of: path) == "precious")
    _ = try writer.finish(endRecord(events: 0))
    #expect(try openReel(path).tail == .whole)
  }

  @Test("A file that took the name during the recording is kept, and the part file too")
  func nameTaken() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("a.reel")
    let writer = try makeWriter(path)
    _ = try directory.write("precious", to: "a.reel")
    #expect(throws: FileError(.rename, path + ".part", EEXIST)) {
      _ = try writer.finish(endRecord(events: 0))
    }
    #expect(text(of: path) == "precious")
    #expect(try openReel(path + ".part").tail == .whole)
  }

  @Test("A part file a killed recorder left is refused and kept; an empty one is used")
  func stalePart() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("a.reel")
    let part = try directory.write("half a reel", to: "a.reel.part")
    let error = #expect(throws: FileError(.create, part, EEXIST)) { _ = try makeWriter(path) }
    #expect(error?.description.contains("unfinished") == true)
    #expect(text(of: part) == "half a reel")
    _ = try makeWriter(path, overwrite: true).finish(endRecord(events: 0))
    #expect(try openReel(path).tail == .whole)
    _ = try directory.write("", to: "b.reel.part")
    _ = try makeWriter(directory.file("b.reel")).finish(endRecord(events: 0))
  }

  @Test("Places where no reel can be made are refused at the start, by errno")
  func places() throws {
    let directory = try TemporaryDirectory()
    let missing = directory.file("none/a.reel")
    #expect(throws: FileError(.create, missing + ".part", ENOENT)) { _ = try makeWriter(missing) }
    let file = try directory.write("x", to: "file")
    #expect(throws: FileError(.create, file + "/a.reel.part", ENOTDIR)) {
      _ = try makeWriter(file + "/a.reel")
    }
    // A directory of that name would refuse the rename after the whole recording.
    #expect(throws: FileError(.create, directory.path, EISDIR)) {
      _ = try makeWriter(directory.path, overwrite: true)
    }
    let link = directory.file("l.reel")
    #expect(unsafe symlink("/nowhere", link + ".part") == 0)
    #expect(throws: FileError(.create, link + ".part", ELOOP)) { _ = try makeWriter(link) }
  }

  @Test("A read-only directory is refused")
  func readOnly() async {
    // In a process of its own, since root may write anywhere and so becomes somebody else.
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      _ = unsafe chmod(directory.path, 0o555)
      let isRoot = geteuid() == 0
      if isRoot { #expect(seteuid(65534) == 0) }
      let path = directory.file("a.reel")
      #expect(throws: FileError(.create, path + ".part", EACCES)) { _ = try makeWriter(path) }
      if isRoot { #expect(seteuid(0) == 0) }
      _ = unsafe chmod(directory.path, 0o755)
    }
  }

  @Test("Refused recordings leave no descriptor behind")
  func descriptors() async {
    // In a process of its own, since the limit is the process's: 500 refusals under 64 files.
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let path = directory.file("a.reel")
      let writer = try makeWriter(path)
      let stale = try directory.write("x", to: "b.reel.part")
      var limit = rlimit(rlim_cur: 64, rlim_max: 64)
      #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
      for _ in 0..<500 {
        #expect(throws: FileError(.lock, path + ".part", EWOULDBLOCK)) { _ = try makeWriter(path) }
        #expect(throws: FileError(.create, stale, EEXIST)) {
          _ = try makeWriter(directory.file("b.reel"))
        }
        #expect(throws: FileError(.open, "/", EISDIR)) { _ = try ReelFile(path: "/") }
      }
      _ = try writer.finish(endRecord(events: 0))
    }
  }

  @Test("A writer abandoned without an end leaves a readable part file and frees its lock")
  func abandoned() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("a.reel")
    do {
      let writer = try makeWriter(path)
      for index in 0..<40_000 { writer.append(noisyEvent(index)) }
    }
    // The lock goes when the writer's thread has let go; then the refusal is about the content.
    eventually("the lock is free") {
      do throws(FileError) { _ = try makeWriter(path) } catch { return error.errorNumber == EEXIST }
      return false
    }
    let reel = try openReel(path + ".part")
    #expect(reel.eventCount == 32_768 && reel.end == nil)
    #expect(reel.tail == .partial(offset: reel.byteCount))
    var cursor = EventCursor(reel, from: 32_767)
    #expect(try cursor.next()?.value == noisyEvent(32_767).value)
  }

  @Test("A file-size limit stops the recording with EFBIG and leaves whole blocks")
  func sizeLimit() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 2 << 20, rlim_max: 2 << 20)
      #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
      try recordUntilFull(directory.file("a.reel"), expecting: EFBIG)
    }
  }

  @Test(
    "A full disk stops the recording with ENOSPC and leaves whole blocks",
    .enabled(if: SmallDisk.isPossible, "mounting a tmpfs is not allowed here"))
  func diskFull() throws {
    let disk = try SmallDisk()
    try recordUntilFull(disk.directory.file("a.reel"), expecting: ENOSPC)
  }
}

/// Records noise until a write fails, and checks what is left on the disk and in the error.
func recordUntilFull(_ path: String, expecting errorNumber: Int32) throws {
  let writer = try makeWriter(path)
  var index = 0
  while !writer.hasFailed, index < 2_000_000 {
    writer.append(noisyEvent(index))
    index += 1
  }
  #expect(writer.hasFailed)
  let error = #expect(throws: FileError(.write, path + ".part", errorNumber)) {
    _ = try writer.finish(endRecord(events: UInt64(index)))
  }
  #expect(error?.description.contains(unsafe String(cString: strerror(errorNumber))) == true)
  let reel = try openReel(path)
  #expect(reel.tail == .partial(offset: reel.byteCount))
  #expect(reel.end == nil && reel.eventCount > 0 && reel.eventCount < index)
  var cursor = EventCursor(reel)
  var events = 0
  while let event = try cursor.next() {
    if event.value != noisyEvent(events).value { Issue.record("event \(events)") }
    events += 1
  }
  #expect(UInt64(events) == reel.eventCount)
}

/// A tmpfs of 2 MiB; needs CAP_SYS_ADMIN.
final class SmallDisk {
  let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    guard unsafe mount("tmpfs", directory.path, "tmpfs", 0, "size=2m") == 0 else {
      throw POSIXError(.EPERM)
    }
  }

  deinit { _ = unsafe umount2(directory.path, Int32(MNT_DETACH)) }

  static let isPossible = (try? SmallDisk()) != nil
}
