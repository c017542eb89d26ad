internal import KVM
internal import Machine
internal import Trace

extension CPUIDEntry {
  /// The entry as a row of the metadata's table.
  var row: [UInt32] { [leaf, subleaf, flags, eax, ebx, ecx, edx] }

  /// The entry of a row; `nil` unless it has seven fields.
  init?(row: [UInt32]) {
    guard row.count == 7 else { return nil }
    self.init(
      leaf: row[0], subleaf: row[1], flags: row[2], eax: row[3], ebx: row[4], ecx: row[5],
      edx: row[6])
  }
}

extension RIPConventions {
  /// The conventions by event kind, as the metadata stores them; unprobed kinds are absent.
  var named: [String: String] {
    let probed: [(EventKind, RIPConvention?)] = [
      (.portWrite, portWrite), (.portRead, portRead), (.memoryWrite, memoryWrite),
      (.memoryRead, memoryRead), (.msrWrite, msrWrite), (.msrRead, msrRead),
    ]
    return Dictionary(
      uniqueKeysWithValues: probed.compactMap { kind, convention in
        convention.map { (kind.name, $0.rawValue) }
      })
  }
}

extension Metadata.Host {
  /// Whether a host with these facts is of this kind: the same KVM on the same CPU model.
  ///
  /// What an instruction leaves undefined is the CPU's choice, or that of KVM's emulator.
  func isOfSameKind(as facts: HostFacts, cpuName: String) -> Bool {
    kvmModule == facts.moduleName ?? "unknown" && cpu == cpuName
  }
}

/// What the host says of itself.
enum HostDescription {
  /// The CPU's brand string, from /proc/cpuinfo.
  static func cpuName() -> String {
    let text = (try? InputFile.read("/proc/cpuinfo")).map { String(decoding: $0, as: UTF8.self) }
    let line = text?.split(separator: "\n").first { $0.hasPrefix("model name") }
    return line?.split(separator: ":").last.map { $0.drop { $0 == " " } }.map(String.init)
      ?? "unknown"
  }
}
