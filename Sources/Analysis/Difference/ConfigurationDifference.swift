public import Trace

/// A field in which the metadata of two reels differ.
public struct ConfigurationDifference: Codable, Equatable, Sendable {
  /// How much a difference in a field matters, most first.
  public enum Rank: Int, Codable, Sendable, CaseIterable, Comparable {
    /// What ran: different guests cannot behave alike.
    case guest = 0
    /// Memory, board and CPU model.
    case machine = 1
    /// The determinism contract.
    case policy = 2
    /// The recording host.
    case host = 3
    /// The program that recorded and its command line.
    case tool = 4

    /// Orders by weight, the heaviest first.
    public static func < (left: Rank, right: Rank) -> Bool { left.rawValue < right.rawValue }
  }

  /// The field's path: `guest.sha256`.
  public var path: String
  /// How much it matters.
  public var rank: Rank
  /// Its value in the first reel; `nil` when absent there.
  public var a: String?
  /// Its value in the second reel; `nil` when absent there.
  public var b: String?

  /// The differences of two reels' metadata, by rank, then in the metadata's own order.
  public static func between(_ a: Metadata, _ b: Metadata) -> [ConfigurationDifference] {
    let (left, right) = (fields(of: a), fields(of: b))
    let leftValues = Dictionary(left.map { ($0.path, $0.value) }) { first, _ in first }
    let rightValues = Dictionary(right.map { ($0.path, $0.value) }) { first, _ in first }
    let paths = left + right.filter { leftValues[$0.path] == nil }
    var found: [ConfigurationDifference] = []
    for rank in Rank.allCases {
      for field in paths where field.rank == rank {
        let (first, second) = (leftValues[field.path], rightValues[field.path])
        guard first != second else { continue }
        found.append(
          ConfigurationDifference(path: field.path, rank: rank, a: first, b: second))
      }
    }
    return found
  }

  private struct Field {
    var path: String
    var rank: Rank
    var value: String
  }

  private static func fields(of metadata: Metadata) -> [Field] {
    guestFields(metadata) + machineFields(metadata) + policyFields(metadata.policies)
      + hostFields(metadata)
  }

  private static func guestFields(_ metadata: Metadata) -> [Field] {
    let guest = metadata.guest
    var fields = [
      Field(path: "guest.kind", rank: .guest, value: guest.kind),
      Field(path: "guest.name", rank: .guest, value: guest.name),
      Field(path: "guest.sha256", rank: .guest, value: guest.sha256),
    ]
    if let address = guest.loadAddress {
      fields.append(
        Field(path: "guest.loadAddress", rank: .guest, value: HexWord(address).description))
    }
    if let append = guest.append {
      fields.append(Field(path: "guest.append", rank: .guest, value: append))
    }
    if let entry = guest.entry {
      fields.append(Field(path: "guest.entry", rank: .guest, value: entry))
    }
    if let initrd = guest.initrd {
      fields.append(Field(path: "guest.initrd.name", rank: .guest, value: initrd.name))
      fields.append(Field(path: "guest.initrd.sha256", rank: .guest, value: initrd.sha256))
    }
    for (index, module) in guest.modules.enumerated() {
      let path = "guest.modules[\(index)]"
      fields.append(Field(path: path + ".name", rank: .guest, value: module.name))
      fields.append(Field(path: path + ".sha256", rank: .guest, value: module.sha256))
    }
    return fields
  }

  private static func machineFields(_ metadata: Metadata) -> [Field] {
    var fields = [
      Field(path: "memoryMiB", rank: .machine, value: String(metadata.memoryMiB)),
      Field(path: "board.name", rank: .machine, value: metadata.board.name),
      Field(
        path: "board.realTimeClockEpochSeconds", rank: .machine,
        value: String(metadata.board.realTimeClockEpochSeconds)),
      Field(path: "cpu.model", rank: .machine, value: metadata.cpu.model),
      Field(path: "cpu.cpuid", rank: .machine, value: metadata.cpu.cpuid),
    ]
    let columns = ["leaf", "subleaf", "flags", "eax", "ebx", "ecx", "edx"]
    for (index, row) in metadata.cpu.cpuidTable.enumerated() {
      guard row.count == columns.count else {
        let value = row.map { HexWord(UInt64($0)).description }.joined(separator: " ")
        fields.append(Field(path: "cpu.cpuidTable[\(index)]", rank: .machine, value: value))
        continue
      }
      let leaf = "\(HexWord(UInt64(row[0]))).\(row[1])"
      for column in 2..<columns.count {
        fields.append(
          Field(
            path: "cpu.cpuidTable[\(leaf)].\(columns[column])", rank: .machine,
            value: HexWord(UInt64(row[column])).description))
      }
    }
    return fields
  }

  private static func policyFields(_ policies: Metadata.Policies) -> [Field] {
    [
      ("placement", policies.placement), ("clock", policies.clock),
      ("interruptWindow", policies.interruptWindow), ("tsc", policies.tsc),
      ("quantumNanoseconds", String(policies.quantumNanoseconds)),
      ("exitCostNanoseconds", String(policies.exitCostNanoseconds)), ("check", policies.check),
    ].map { Field(path: "policies." + $0.0, rank: .policy, value: $0.1) }
  }

  private static func hostFields(_ metadata: Metadata) -> [Field] {
    let host = metadata.host
    var fields = [
      Field(path: "host.cpu", rank: .host, value: host.cpu),
      Field(path: "host.kernel", rank: .host, value: host.kernel),
      Field(path: "host.kvmModule", rank: .host, value: host.kvmModule),
    ]
    for (kind, convention) in host.ripConventions.sorted(by: { $0.key < $1.key }) {
      fields.append(Field(path: "host.ripConventions.\(kind)", rank: .host, value: convention))
    }
    fields.append(Field(path: "tool", rank: .tool, value: metadata.tool))
    fields.append(
      Field(
        path: "commandLine", rank: .tool, value: metadata.commandLine.joined(separator: " ")))
    for (number, name) in metadata.eventKinds.sorted(by: { $0.key < $1.key }) {
      fields.append(Field(path: "eventKinds.\(number)", rank: .tool, value: name))
    }
    return fields
  }
}
