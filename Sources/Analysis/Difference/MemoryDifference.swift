internal import Trace

/// In what the states of two runs differ at a moment: registers, pages of RAM, bytes in them.
public struct MemoryDifference: Codable, Equatable, Sendable {
  /// Where the states come from.
  public enum Source: String, Codable, Sendable {
    /// Keyframes that both reels hold at the moment.
    case keyframes
    /// Both reels were replayed to the moment.
    case replay
  }

  /// A register with another value in each run.
  public struct Register: Codable, Equatable, Sendable {
    /// Its data-sheet name: `rip`, `cs.base`.
    public var name: String
    /// The first run's value, in hexadecimal.
    public var a: String
    /// The second run's.
    public var b: String

    /// Makes a row.
    public init(name: String, a: String, b: String) {
      self.name = name
      self.a = a
      self.b = b
    }
  }

  /// Sixteen bytes that are not the same on both sides.
  public struct Line: Codable, Equatable, Sendable {
    /// The guest-physical address of the first.
    public var address: HexWord
    /// Where the first run's page tables map it, when that is known.
    public var virtualAddress: HexWord?
    /// The symbol and offset there, when symbols were given: `jiffies+0x8`.
    public var symbol: String?
    /// The first run's bytes, in hex.
    public var a: String
    /// The second run's.
    public var b: String
  }

  /// A page that differs.
  public struct Page: Codable, Equatable, Sendable {
    /// Its guest-physical address.
    public var address: HexWord
    /// The bytes that differ.
    public var differingBytes: Int
    /// Lines of sixteen bytes that differ.
    public var differingLines: Int
    /// The first of these, as many as were asked for.
    public var lines: [Line]
  }

  /// What is known of a guest-physical address besides.
  public struct Place: Sendable {
    /// Where it is mapped.
    public var virtualAddress: UInt64?
    /// The symbol there.
    public var symbol: String?

    /// Makes a place.
    public init(virtualAddress: UInt64? = nil, symbol: String? = nil) {
      self.virtualAddress = virtualAddress
      self.symbol = symbol
    }
  }

  /// The bytes of a line.
  public static let lineByteCount = 16

  /// The events after which the states are compared.
  public var moment: CommonMoment
  /// Where the states come from.
  public var source: Source
  /// The keyframes, when they were compared.
  public var keyframes: KeyframePair?
  /// Registers that differ.
  public var registers: [Register]
  /// Pages that differ, listed or not.
  public var differingPages: Int
  /// Pages that were compared.
  public var comparedPages: Int
  /// The first pages that differ, ascending.
  public var pages: [Page] = []
  /// What is to be known about the comparison; one sentence each.
  public var notes: [String] = []

  /// Whether neither registers nor RAM differ.
  public var isEmpty: Bool { registers.isEmpty && differingPages == 0 }

  /// Describes the pages that differ.
  ///
  /// - Parameters:
  ///   - pages: their numbers, ascending.
  ///   - comparedPages: how many were compared.
  ///   - limit: the most pages, and the most lines in all of them, to describe.
  ///   - place: what is known of an address.
  ///   - content: a page's bytes on both sides.
  public init<Failure: Error>(
    at moment: CommonMoment, source: Source, keyframes: KeyframePair? = nil,
    registers: [Register], pages: [UInt32], comparedPages: Int, limit: Int,
    place: (UInt64) -> Place = { _ in Place() },
    content: (UInt32) throws(Failure) -> (a: [UInt8], b: [UInt8])
  ) throws(Failure) {
    self.moment = moment
    self.source = source
    self.keyframes = keyframes
    self.registers = registers
    differingPages = pages.count
    self.comparedPages = comparedPages
    var linesLeft = limit
    for page in pages.prefix(limit) {
      let bytes = try content(page)
      let described = Self.describe(page, bytes.a, bytes.b, limit: linesLeft, place)
      linesLeft -= described.lines.count
      self.pages.append(described)
    }
  }

  private static func describe(
    _ page: UInt32, _ a: [UInt8], _ b: [UInt8], limit: Int, _ place: (UInt64) -> Place
  ) -> Page {
    let base = UInt64(page) * UInt64(PageBlock.pageSize)
    var described = Page(
      address: HexWord(base), differingBytes: 0, differingLines: 0, lines: [])
    for start in stride(from: 0, to: min(a.count, b.count), by: lineByteCount) {
      let end = min(start + lineByteCount, a.count, b.count)
      let (left, right) = (a[start..<end], b[start..<end])
      guard left != right else { continue }
      described.differingLines += 1
      described.differingBytes += zip(left, right).count { $0 != $1 }
      guard described.lines.count < limit else { continue }
      // The symbol is that of the first byte that differs.
      let first = zip(left, right).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
      let known = place(base + UInt64(start + first))
      described.lines.append(
        Line(
          address: HexWord(base + UInt64(start)),
          virtualAddress: known.virtualAddress.map { HexWord($0 &- UInt64(first)) },
          symbol: known.symbol, a: HexBytes.text(of: left), b: HexBytes.text(of: right)))
    }
    return described
  }
}
