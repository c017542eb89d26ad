public import Trace

/// What a comparison of two reels leaves out: fields of all events, fields of events at certain
/// places, or the events at certain places altogether.
///
/// Host times, host-made events and keyframe marks are never compared: they differ between runs of
/// equal guests.
public struct DifferenceMask: Codable, Equatable, Sendable {
  /// A rule about the events at some places.
  public struct Rule: Codable, Equatable, Sendable {
    /// The field that is not compared there; `nil` when the events are left out of the streams.
    public var field: EventField?
    /// Which numbers the places are: `port`, `mmio`, `msr` or `vector`.
    public var space: Space
    /// The first place.
    public var first: HexWord
    /// The last place.
    public var last: HexWord
  }

  /// What the number of a place stands for.
  public enum Space: String, Codable, Sendable, CaseIterable {
    /// An I/O port.
    case port
    /// A guest physical address.
    case mmio
    /// A model-specific register.
    case msr
    /// A vector.
    case vector

    /// The last number there is.
    var maximum: UInt64 {
      switch self {
      case .port: 0xffff
      case .mmio: .max
      case .msr: 0xffff_ffff
      case .vector: 0xff
      }
    }
  }

  /// The fields that are compared of no event.
  public var fields: Set<EventField> = []
  /// What is left out at certain places.
  public var rules: [Rule] = []
  /// Why fields are left out that nobody asked to leave out; a clause each.
  public private(set) var reasons: [String] = []

  /// Leaves nothing out.
  public init() {}

  /// Whether it leaves nothing out.
  public var isEmpty: Bool { fields.isEmpty && rules.isEmpty }

  /// Whether it leaves out the events at certain places altogether.
  public var omitsPlaces: Bool { rules.contains { $0.field == nil } }

  /// What it leaves out altogether, which is all that matters to counts; no fields.
  public var ofPlaces: DifferenceMask {
    var mask = DifferenceMask()
    mask.rules = rules.filter { $0.field == nil }
    let places = mask.rules.map { $0.description + "," }
    mask.reasons = reasons.filter { reason in places.contains { reason.hasPrefix($0) } }
    return mask
  }

  /// Leaves out a field and says why, in a clause.
  public mutating func leaveOut(_ field: EventField, because reason: String) {
    guard fields.insert(field).inserted else { return }
    reasons.append("\(field.noun), since \(reason)")
  }

  /// What two reels by themselves give reason not to compare.
  ///
  /// - Parameter compared: fields to compare all the same.
  public mutating func addStandard(
    for a: Metadata, _ b: Metadata, comparing compared: Set<EventField> = []
  ) {
    var found: [(EventField, String)] = []
    if a.guest.sha256 != b.guest.sha256 || a.guest.initrd?.sha256 != b.guest.initrd?.sha256 {
      let reason = "the guests differ and their code lies elsewhere"
      found += [(.rip, reason), (.check, reason)]
    }
    if a.host.kvmModule != b.host.kvmModule {
      found.append((.check, "different kinds of KVM recorded"))
      if a.host.ripConventions != b.host.ripConventions {
        found.append((.rip, "the two kinds of KVM report it differently"))
      }
    }
    for (field, reason) in found where !compared.contains(field) {
      leaveOut(field, because: reason)
    }
    if a.policies.tsc != b.policies.tsc { leaveOutRewrittenTimestamps(a, b, compared) }
  }

  /// One guest's RDTSC instructions exit and the other's do not.
  private mutating func leaveOutRewrittenTimestamps(
    _ a: Metadata, _ b: Metadata, _ compared: Set<EventField>
  ) {
    let reason = "the reels' TSC policies differ (\(a.policies.tsc), \(b.policies.tsc))"
    if !compared.contains(.timestamp) { leaveOut(.timestamp, because: reason) }
    guard [a.policies.tsc, b.policies.tsc].contains("patch") else { return }
    let port = HexWord(PortNames.timestampPort)
    let rule = Rule(field: nil, space: .port, first: port, last: port)
    rules.append(rule)
    reasons.append("\(rule.description), since rewritten RDTSC instructions read it in only one")
  }

  /// A digest covers all that was before it; with something left out it would bring that back.
  mutating func leaveOutDigests() {
    let isCovered = fields.contains { $0 != .check && $0 != .rip } || !rules.isEmpty
    if isCovered { leaveOut(.check, because: "they cover what is left out") }
  }

  /// Whether the events at a place are left out.
  func omits(_ place: EventPlace) -> Bool {
    rules.contains { $0.field == nil && $0.holds(place) }
  }

  /// The fields not to compare of events at a place.
  func hidden(at place: EventPlace) -> Set<EventField> {
    guard !rules.isEmpty else { return fields }
    return rules.reduce(into: fields) { hidden, rule in
      if let field = rule.field, rule.holds(place) { hidden.insert(field) }
    }
  }
}

extension DifferenceMask {
  private enum CodingKeys: String, CodingKey { case fields, rules, reasons }

  /// Encodes the fields in their order, since a set's own differs from run to run.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(EventField.allCases.filter(fields.contains), forKey: .fields)
    try container.encode(rules, forKey: .rules)
    try container.encode(reasons, forKey: .reasons)
  }
}

/// Where an event belongs: what it addresses, or for the answer to a read what was read.
struct EventPlace: Equatable {
  var space: DifferenceMask.Space?
  var address: UInt64 = 0

  /// No place.
  init() {}

  @inline(__always)
  init(_ event: Event) {
    switch event.kind {
    case .portRead, .portWrite: space = .port
    case .memoryRead, .memoryWrite, .deviceWrite: space = .mmio
    case .msrRead, .msrWrite: space = .msr
    case .interrupt: space = .vector
    default: space = nil
    }
    address = event.address
  }
}

extension DifferenceMask.Rule {
  fileprivate func holds(_ place: EventPlace) -> Bool {
    place.space == space && (first.value...last.value).contains(place.address)
  }

  /// The rule as it is written.
  public var description: String {
    let range = first == last ? first.description : "\(first)-\(last)"
    guard let field else { return "\(space.rawValue)@\(range)" }
    return "\(field.rawValue)@\(space.rawValue):\(range)"
  }
}

/// Why a text is no mask.
public struct DifferenceMaskError: Error, Equatable, Sendable {
  /// One sentence.
  public var description: String
}

extension DifferenceMask {
  /// Adds what a text says: fields and rules, separated by commas.
  ///
  ///     rip,value@0x71,value@mmio:0xfee00390,port@0x40-0x43,msr@0x10,vector@0x20
  ///
  /// A field's place without a space is a port.
  ///
  /// - Throws: ``DifferenceMaskError`` naming the part that is wrong and what there is.
  public mutating func add(parsing text: String) throws(DifferenceMaskError) {
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let words = part.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
      guard words.count == 2 else {
        guard let fields = EventField.named(String(part)) else { throw Self.unknown(part) }
        self.fields.formUnion(fields)
        continue
      }
      rules.append(try Self.rule(String(words[0]), at: String(words[1]), in: part))
    }
  }

  private static func rule(
    _ name: String, at place: String, in part: Substring
  ) throws(DifferenceMaskError) -> Rule {
    var (space, number) = (Space.port, Substring(place))
    var field: EventField?
    if let whole = Space(rawValue: name) {
      space = whole
    } else if let named = EventField(rawValue: name) {
      field = named
      if let colon = place.firstIndex(of: ":") {
        guard let named = Space(rawValue: String(place[..<colon])) else { throw unknown(part) }
        space = named
        number = place[place.index(after: colon)...]
      }
    } else {
      throw unknown(part)
    }
    let bounds = number.split(separator: "-", omittingEmptySubsequences: false).map(Self.number)
    guard (1...2).contains(bounds.count), let first = bounds[0],
      let last = bounds.last.flatMap({ $0 }), first <= last
    else {
      throw DifferenceMaskError(
        description: "'\(part)': behind the @ stands a number such as 0x71 or a range 0x40-0x43")
    }
    guard last <= space.maximum else {
      throw DifferenceMaskError(
        description: "'\(part)': there is no such \(space.rawValue); the last is "
          + HexWord(space.maximum).description)
    }
    return Rule(field: field, space: space, first: HexWord(first), last: HexWord(last))
  }

  private static func number(_ text: Substring) -> UInt64? {
    text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
  }

  private static func unknown(_ part: Substring) -> DifferenceMaskError {
    let fields = (EventField.allCases.map(\.rawValue) + ["registers", "time"]).joined(
      separator: ", ")
    let spaces = Space.allCases.map { $0.rawValue + "@N" }.joined(separator: ", ")
    return DifferenceMaskError(
      description: "there is no '\(part)'; there are the fields \(fields), each also as FIELD@PORT "
        + "or FIELD@SPACE:N, and \(spaces)")
  }
}

extension EventField {
  /// The fields of a name: the field itself, `registers` for the digests that cover them, or
  /// `time`, which is never compared.
  public static func named(_ name: String) -> Set<EventField>? {
    switch name {
    case "time": []
    case "registers", "digest": [.check]
    default: EventField(rawValue: name).map { [$0] }
    }
  }

  /// What a sentence calls it.
  public var noun: String {
    switch self {
    case .check: "digests of the registers"
    case .rip: "RIP"
    case .timestamp: "timestamps"
    default: rawValue
    }
  }
}
