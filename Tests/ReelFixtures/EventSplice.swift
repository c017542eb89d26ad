public import Trace

/// Events taken out of a reel, and others put in their place.
struct EventSplice {
  /// The places of the events taken out; empty to insert before one.
  var range: Range<Int>
  /// What stands there then.
  var entries: [EditedReel.Entry] = []
  /// Whether what is taken out here, or put in, is so at another place.
  var isHalfOfMove = false
}

extension EditedReel {
  /// The reel with splices applied, which ascend and do not overlap.
  func applying(_ splices: [EventSplice]) -> EditedReel {
    var edited = self
    for splice in splices.reversed() {
      edited.entries.replaceSubrange(splice.range, with: splice.entries)
    }
    return edited
  }
}

/// The events of a reel that `diff` compares.
public struct ExpectedStream: Sendable {
  /// They with their payloads.
  public private(set) var entries: [EditedReel.Entry] = []
  /// Their indexes in the reel.
  public private(set) var indexes: [EventIndex] = []
  /// Where they stand among the reel's events.
  private(set) var places: [Int] = []
  /// The index behind the reel's last event.
  public private(set) var end: EventIndex

  /// Takes them out of a reel.
  public init(_ reel: EditedReel) {
    end = reel.firstEvent + UInt64(reel.entries.count)
    for (place, entry) in reel.entries.enumerated() where entry.isCompared {
      entries.append(entry)
      places.append(place)
      indexes.append(reel.firstEvent + UInt64(place))
    }
  }

  /// How many of them stand before a place.
  func count(before place: Int) -> Int {
    places.firstIndex { $0 >= place } ?? places.count
  }

}

extension EditedReel.Entry {
  /// Whether the host chose its place among the guest's own events.
  public var isPlacedByHost: Bool {
    [.interrupt, .interruptWindow, .windowRequest, .deviceWrite].contains(event.kind)
  }

  /// The names of the compared fields in which two events differ, as `diff` names them.
  ///
  /// Written from TRACE-FORMAT, not from what `diff` does.
  func differences(from other: EditedReel.Entry) -> [String] {
    let (a, b) = (event, other.event)
    var fields: [String] = []
    func note(_ name: String, _ isSame: Bool) { if !isSame { fields.append(name) } }
    note("kind", a.kind == b.kind)
    note("vcpu", a.vcpu == b.vcpu)
    note("width", a.width == b.width)
    note("count", max(a.count, 1) == max(b.count, 1))
    note("address", a.address == b.address)
    note("value", a.value == b.value)
    note("timestamp", a.timestamp == b.timestamp)
    note("device", a.device == b.device)
    note("image", a.image == b.image)
    note("payload", payload == other.payload)
    note("rip", a.rip == b.rip)
    let bothWhole = a.flags.intersection(b.flags).contains(.fullDigest)
    note("check", a.check == b.check && (!bothWhole || a.digest == b.digest))
    return fields
  }

  /// Has the digest that another has.
  mutating func takeDigest(of other: EditedReel.Entry) {
    event.check = other.event.check
    event.digest = other.event.digest
    event.flags.remove(.fullDigest)
    event.flags.formUnion(other.event.flags.intersection(.fullDigest))
  }

  /// Whether two events are the same apart from digests and timestamps, which another history
  /// changes in all that follows.
  func isAlike(_ other: EditedReel.Entry) -> Bool {
    Set(differences(from: other)).isSubset(of: ["check", "timestamp"])
  }

  /// Whether two events are the same apart from digests.
  func isVisiblySame(_ other: EditedReel.Entry) -> Bool {
    Set(differences(from: other)).isSubset(of: ["check"])
  }
}
