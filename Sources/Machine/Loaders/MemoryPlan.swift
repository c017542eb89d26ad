/// The memory a loader has given out so far; refuses what is not RAM and what is taken.
struct MemoryPlan {
  let ramByteCount: UInt64
  private(set) var occupied: [OccupiedRange] = []

  init(ramByteCount: Int) {
    self.ramByteCount = UInt64(ramByteCount)
  }

  /// The first address after everything given out.
  var end: UInt64 { occupied.last?.addresses.upperBound ?? 0 }

  /// Takes memory; an empty range is checked against RAM but takes nothing.
  mutating func take(_ name: String, at address: UInt64, byteCount: UInt64) throws(LoaderError) {
    let (end, overflow) = address.addingReportingOverflow(byteCount)
    guard !overflow else {
      throw .addressOverflow(part: name, address: address, byteCount: byteCount)
    }
    guard end <= ramByteCount else {
      let neededMiB = end >> 20 + (end & 0xf_ffff == 0 ? 0 : 1)
      throw .memoryTooSmall(
        part: name, neededMiB: neededMiB, availableMiB: Int(ramByteCount >> 20))
    }
    guard byteCount > 0 else { return }
    let range = address..<end
    if let other = occupied.first(where: { $0.addresses.overlaps(range) }) {
      throw .overlap(
        part: name, other: other.name, address: max(address, other.addresses.lowerBound))
    }
    let index = occupied.firstIndex { $0.addresses.lowerBound > address } ?? occupied.endIndex
    occupied.insert(OccupiedRange(name: name, addresses: range), at: index)
  }

  /// Takes one of the fixed ranges of ``GuestMemoryLayout``.
  mutating func take(_ name: String, _ addresses: Range<UInt64>) throws(LoaderError) {
    try take(name, at: addresses.lowerBound, byteCount: UInt64(addresses.count))
  }
}
