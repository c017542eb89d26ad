public import Trace

/// Finds the pages that differ between keyframes of two reels, pair by pair.
///
/// Each reel knows its pages by hashes under a key of its own, so the second reel's pages are hashed
/// under the first one's key; from one pair to the next only pages that either run changed are.
public struct PageMapComparison {
  private let a: Reel
  private let b: Reel
  private var mapA: [UInt32: StoredPage] = [:]
  private var mapB: [UInt32: StoredPage] = [:]
  /// The pages that differ at the last pair compared.
  public private(set) var differing: Set<UInt32> = []
  /// Pages that are not zero in one of the reels at the last pair compared.
  public private(set) var pageCount = 0

  /// Begins with empty memory on both sides.
  public init(_ a: Reel, _ b: Reel) {
    self.a = a
    self.b = b
  }

  /// Goes to a pair of keyframes.
  ///
  /// - Returns: the numbers of the pages that differ, ascending.
  /// - Throws: ``ReelDifferenceError`` when a reel holds no pages or they are damaged.
  public mutating func compare(
    at pair: KeyframePair
  ) throws(ReelDifferenceError) -> [UInt32] {
    let nextA = try ReelDifference.reading(.a) { () throws(TraceError) in try a.pageMap(at: pair.a)
    }
    let nextB = try ReelDifference.reading(.b) { () throws(TraceError) in try b.pageMap(at: pair.b)
    }
    let changed = Set(nextA.keys).union(nextB.keys).union(mapA.keys).union(mapB.keys).filter {
      nextA[$0] != mapA[$0] || nextB[$0] != mapB[$0]
    }
    differing.subtract(changed)
    var both: [UInt32: StoredPage] = [:]
    for page in changed {
      switch (nextA[page], nextB[page]) {
      case (nil, nil): break
      case (.some, .some(let stored)): both[page] = stored
      default: differing.insert(page)
      }
    }
    let isSameKey = a.header.pageKey == b.header.pageKey
    let reel = a
    var unequal: [UInt32] = []
    if isSameKey {
      unequal = both.keys.filter { nextA[$0]?.identity != nextB[$0]?.identity }
    } else {
      try ReelDifference.reading(.b) { () throws(TraceError) in
        try b.forEachPage(of: both) { page, content in
          let identity = unsafe content.withUnsafeBytes { unsafe reel.identity(of: $0) }
          if identity != nextA[page]?.identity { unequal.append(page) }
        }
      }
    }
    differing.formUnion(unequal)
    (mapA, mapB) = (nextA, nextB)
    pageCount = Set(nextA.keys).union(nextB.keys).count
    return differing.sorted()
  }

  /// A page's bytes on both sides, at the last pair compared.
  ///
  /// - Throws: ``ReelDifferenceError`` when it is damaged.
  public func content(
    of page: UInt32
  ) throws(ReelDifferenceError) -> (a: [UInt8], b: [UInt8]) {
    (
      try ReelDifference.reading(.a) { () throws(TraceError) in
        try a.page(mapA[page] ?? .zero)
      },
      try ReelDifference.reading(.b) { () throws(TraceError) in
        try b.page(mapB[page] ?? .zero)
      }
    )
  }
}
