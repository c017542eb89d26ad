import Foundation
import Glibc
import Testing
import Trace
import TraceIO

/// A directory that goes away with its owner.
final class TemporaryDirectory {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/vmreel-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }

  /// Makes a file with a text and says where.
  func write(_ text: String, to name: String) throws -> String {
    try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }
}

/// A file's content, or `nil` where there is none.
func text(of path: String) -> String? {
  FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
}

func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

/// Waits until something another thread does has happened.
func eventually(_ what: Comment, _ condition: () -> Bool) {
  for _ in 0..<2000 where !condition() { usleep(5000) }
  #expect(condition(), what)
}

func makeWriter(_ path: String, overwrite: Bool = false) throws(FileError) -> ReelWriter {
  try ReelWriter(
    path: path, overwrite: overwrite, header: FileHeader(pageKey: [UInt8](1...16)),
    metadataJSON: Array("{}".utf8))
}

func openReel(_ path: String) throws -> Reel { try Reel(try ReelFile(path: path)) }

func endRecord(events: UInt64) -> EndRecord {
  EndRecord(
    reason: .idle, detail: 0, eventCount: events, guestMadeExits: events, keyframeCount: 0,
    durationNanoseconds: 1, virtualTime: 2, digest: 3)
}

/// The `index`th of a run of events that compress badly, about a microsecond apart.
func noisyEvent(_ index: Int) -> Event {
  var mixed = UInt64(index) &* 0x9e37_79b9_7f4a_7c15
  mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
  var event = Event(index % 2 == 0 ? .portWrite : .memoryWrite)
  event.width = 4
  event.check = UInt8(truncatingIfNeeded: mixed >> 7)
  event.address = mixed ^ (mixed >> 27)
  event.value = mixed &* 0x94d0_49bb_1331_11eb
  event.rip = 0x10_0000 &+ mixed % 65536
  event.entryTime = UInt64(index) * 1008
  event.exitTime = event.entryTime + 304
  return event
}

/// The payload of the `index`th event, empty for most.
func noisyPayload(_ index: Int) -> [UInt8] {
  guard index % 7 == 3 else { return [] }
  return (0..<(index % 300)).map { UInt8(truncatingIfNeeded: $0 &* index) }
}

extension ReelWriter {
  func append(_ event: Event, bytes: [UInt8]) {
    unsafe bytes.withUnsafeBytes { unsafe append(event, payload: $0) }
  }
}
