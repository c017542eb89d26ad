import Foundation
import ReelFixtures
import Testing
import Trace

/// The real reels that are mutated: parts of some hundred events of guests of many kinds.
struct MutationBase: Sendable, CustomTestStringConvertible {
  var name: String
  var events: Range<EventIndex> = 0 ..< .max
  var testDescription: String { name }

  static let all = [
    MutationBase(name: "ticker.reel"), MutationBase(name: "ticker64.reel"),
    // Kicks and their seals.
    MutationBase(name: "compute.reel"),
    MutationBase(name: "mmio.reel", events: 500..<931),
    MutationBase(name: "msr.reel", events: 0..<400),
    // String accesses, and long rows of equal events.
    MutationBase(name: "strings.reel", events: 300..<700),
    MutationBase(name: "linux/static-kvm_amd.reel", events: 4600..<5000),
    MutationBase(name: "linux/static-kvm_intel.reel", events: 0..<450),
    MutationBase(name: "golden/dma-two-disks.reel"),
    MutationBase(name: "golden/frozen-timestamp.reel"),
  ]

  /// Longer parts, for several mutations each.
  static let large = [
    MutationBase(name: "compute.reel"), MutationBase(name: "mmio.reel"),
    MutationBase(name: "msr.reel", events: 0..<900),
    MutationBase(name: "strings.reel", events: 100..<1000),
    MutationBase(name: "linux/static-kvm_amd.reel", events: 7600..<8600),
    MutationBase(name: "linux/static-kvm_intel.reel", events: 0..<1200),
  ]

  /// The base taken apart.
  func reel() throws -> EditedReel {
    let directory = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "traces")
    return try EditedReel(
      Array(try Data(contentsOf: directory.appending(path: name))), events: events)
  }
}
