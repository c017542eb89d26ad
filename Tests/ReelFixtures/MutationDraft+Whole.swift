internal import Trace

/// Mutations of the whole reel.
extension MutationDraft {
  /// Multiplies all times.
  mutating func scaleTimes(_ generator: inout SeededGenerator) -> Bool {
    let factors = [0.25, 0.5, 0.8, 1.25, 1.5, 2, 3, 10]
    guard let factor = generator.element(of: factors),
      original.entries.contains(where: { $0.event.exitTime > 1_000_000 })
    else { return false }
    func scaled(_ time: UInt64) -> UInt64 { Event.rounded(UInt64(Double(time) * factor)) }
    for index in reel.entries.indices {
      reel.entries[index].event.entryTime = scaled(reel.entries[index].event.entryTime)
      reel.entries[index].event.exitTime = scaled(reel.entries[index].event.exitTime)
    }
    reel.firstTime = scaled(reel.firstTime)
    if let duration = reel.end?.durationNanoseconds {
      reel.end?.durationNanoseconds = scaled(duration)
    }
    self.factor = factor
    return true
  }

  /// Moves the code from the address of some exit on.
  mutating func shiftRIPs(_ generator: inout SeededGenerator) -> Bool {
    let rips = original.entries.filter { $0.event.kind.isGuestMade && $0.event.rip > 0x1000 }
      .map(\.event.rip)
    let shifts: [Int64] = [0x10, 0x3c, 0x1000, 0x20_0000, -0x20, -0x1000]
    guard let lowest = generator.element(of: rips), let shift = generator.element(of: shifts)
    else { return false }
    for index in reel.entries.indices
    where reel.entries[index].event.kind.isExit && reel.entries[index].event.rip >= lowest {
      reel.entries[index].event.rip &+= UInt64(bitPattern: shift)
      if reel.entries[index].isCompared { count += 1 }
    }
    self.shift = shift
    return true
  }

  /// Changes a fact of the metadata.
  mutating func changeHeader(_ generator: inout SeededGenerator) -> Bool {
    guard let change = generator.element(of: HeaderChange.all) else { return false }
    path = change.path
    change.body(&reel.metadata, String(generator.next(), radix: 16))
    // The path of a table's row names the row.
    if change.path == "cpu.cpuidTable" {
      guard var row = original.metadata.cpu.cpuidTable.first(where: { $0.count == 7 }),
        let index = original.metadata.cpu.cpuidTable.firstIndex(of: row)
      else { return false }
      let leaf = "0x\(String(row[0], radix: 16)).\(row[1])"
      row[4] ^= 0x10
      reel.metadata.cpu.cpuidTable[index] = row
      path = "cpu.cpuidTable[\(leaf)].ebx"
    }
    return true
  }
}

/// A change of one fact of the metadata, to a value that no reel has.
private struct HeaderChange: Sendable {
  var path: String
  var body: @Sendable (inout Metadata, String) -> Void

  static let all: [HeaderChange] = [
    .init(path: "guest.name") { $0.guest.name += $1 },
    .init(path: "guest.sha256") { $0.guest.sha256 = $1 },
    .init(path: "guest.append") { $0.guest.append = ($0.guest.append ?? "") + $1 },
    .init(path: "guest.entry") { $0.guest.entry = $1 },
    .init(path: "memoryMiB") { metadata, _ in metadata.memoryMiB += 1 },
    .init(path: "board.name") { $0.board.name = $1 },
    .init(path: "board.realTimeClockEpochSeconds") { metadata, _ in
      metadata.board.realTimeClockEpochSeconds += 1
    },
    .init(path: "cpu.model") { $0.cpu.model = $1 },
    .init(path: "cpu.cpuid") { $0.cpu.cpuid = $1 },
    .init(path: "cpu.cpuidTable") { _, _ in },
    .init(path: "policies.placement") { $0.policies.placement = $1 },
    .init(path: "policies.clock") { $0.policies.clock = $1 },
    .init(path: "policies.tsc") { $0.policies.tsc = $1 },
    .init(path: "policies.quantumNanoseconds") { metadata, _ in
      metadata.policies.quantumNanoseconds += 1
    },
    .init(path: "host.cpu") { $0.host.cpu += $1 },
    .init(path: "host.kernel") { $0.host.kernel += $1 },
    .init(path: "host.kvmModule") { $0.host.kvmModule = $1 },
    .init(path: "tool") { $0.tool += $1 },
    .init(path: "commandLine") { $0.commandLine.append($1) },
  ]
}
