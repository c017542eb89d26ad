internal import Trace

/// The invented guest's memory: no content is kept, each page's is a function of a number.
struct GuestPages: Sendable {
  /// A page and the number its content is made from; 0 is the page of zeros.
  typealias Change = (page: UInt32, content: UInt64)

  private let pageCount: UInt64
  private var random: SplitMix64
  /// Contents made last, which other pages may get too.
  private var recent: [UInt64] = []
  private var nextContent: UInt64

  init(seed: UInt64, pageCount: UInt64) {
    self.pageCount = max(1, pageCount)
    random = SplitMix64(seed: seed ^ 0x7061_6765)
    nextContent = seed | 1
  }

  /// The first pages: what the loader put there.
  mutating func initial(_ count: Int) -> [Change] {
    (0..<UInt64(count)).map { (UInt32($0), makeContent()) }
  }

  /// Changes of distinct pages, ascending: one in eight becomes zeros, one in eight equals another
  /// page, the others are new.
  mutating func changes(_ count: Int) -> [Change] {
    var numbers: Set<UInt32> = []
    while numbers.count < min(count, Int(pageCount)) {
      numbers.insert(UInt32(random.below(pageCount)))
    }
    return numbers.sorted().map { page in
      switch random.below(8) {
      case 0: (page, 0)
      case 1 where !recent.isEmpty: (page, recent[Int(random.below(UInt64(recent.count)))])
      default: (page, makeContent())
      }
    }
  }

  private mutating func makeContent() -> UInt64 {
    nextContent &+= 2
    if recent.count < 16 {
      recent.append(nextContent)
    } else {
      recent[Int(random.below(16))] = nextContent
    }
    return nextContent
  }

  /// The 4096 bytes of a content: zeros, small numbers, pointers and noise, as in a kernel's heap.
  static func fill(_ buffer: UnsafeMutableBufferPointer<UInt64>, with content: UInt64) {
    unsafe buffer.update(repeating: 0)
    guard content != 0 else { return }
    var random = SplitMix64(seed: content)
    for index in buffer.indices {
      let word = random.next()
      switch word & 15 {
      case 0..<9: break
      case 9..<13: unsafe buffer[index] = word >> 56
      case 13..<15: unsafe buffer[index] = 0xffff_8880_0000_0000 | (word >> 40) << 3
      default: unsafe buffer[index] = word
      }
    }
  }

  /// Hands out the changed pages one after the other.
  static func forEachPage(of changes: [Change], _ body: KeyframeCapture.PageBody) {
    let words = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: PageBlock.pageSize / 8)
    defer { unsafe words.deallocate() }
    for change in changes {
      unsafe fill(words, with: change.content)
      unsafe body(change.page, UnsafeRawBufferPointer(words))
    }
  }
}
