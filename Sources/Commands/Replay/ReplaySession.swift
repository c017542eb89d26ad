internal import Glibc
internal import KVM
internal import Machine
internal import Replay
internal import Trace

/// One replay: a machine like the recorded one, and the replayer that drives it.
final class ReplaySession {
  let memory: GuestMemory
  private let opened: OpenedReel
  private let observer: ConsoleObserver
  private let signals: SignalWatch
  let replayer: Replayer<KVMProcessor>

  /// Builds the machine the reel's metadata describes.
  ///
  /// - Parameter activity: tells of the work that the replay is a part of, in place of the replay's own
  ///   progress.
  /// - Throws: ``CommandFailure`` when this host cannot, in one sentence.
  init(
    _ opened: OpenedReel, range: ReplayRange = .whole, resyncs: Bool = false,
    correction: ReplayCorrection? = nil, printsConsole: Bool, printsLandings: Bool = false,
    printsWarnings: Bool = true, bounds: ReplayBounds, knownLandings: [UInt64: UInt64],
    activity: ActivityLine? = nil
  ) throws {
    self.opened = opened
    let metadata = opened.metadata
    observer = ConsoleObserver(
      prints: printsConsole, printsLandings: printsLandings, eventCount: opened.reel.eventCount,
      showsProgress: activity == nil)
    do {
      let facts = try HostProbe.facts()
      let cpuName = HostDescription.cpuName()
      let isOfRecordedKind = metadata.host.isOfSameKind(as: facts, cpuName: cpuName)
      let table = try Self.cpuidTable(opened)
      let missing = CPUIDModel.features(of: table, missingFrom: facts.supportedCPUID)
      if let refusal = Self.refusal(metadata, missing) {
        throw CommandFailure("\(opened.path): \(refusal)")
      }
      let policy = try Self.policy(opened, on: facts, hostIsOfRecordedKind: isOfRecordedKind)
      for warning in Self.warnings(metadata, facts, missing, cpuName: cpuName) where printsWarnings
      {
        StandardError.note("warning: \(warning)")
      }
      memory = try GuestMemory(mebibytes: metadata.memoryMiB)
      let processor = try KVMProcessor(
        memory: memory, cpuid: table, debugFeatures: facts.debugFeatures)
      signals = SignalWatch(processor.kicker)
      replayer = Replayer(
        processor: processor, memory: memory, reel: opened.reel, policy: policy, range: range,
        resyncs: resyncs, correction: correction, bounds: bounds, knownLandings: knownLandings,
        observer: observer)
    } catch let error as ProcessorError {
      throw CommandFailure(error.sentence)
    }
  }

  var stopSignal: Int32? { signals.received }

  /// Replays the range.
  ///
  /// - Throws: ``CommandFailure`` when the reel cannot be read or KVM fails.
  func run() throws -> ReplayVerdict {
    defer { observer.finish() }
    return try naming { () throws(ReplayError) in try replayer.run() }
  }

  /// The guest's state after the replay.
  ///
  /// - Throws: ``CommandFailure`` when the reel ends inside an instruction, or KVM fails.
  func capturedState() throws -> VCPUState {
    try naming { () throws(ReplayError) in try replayer.capturedState() }
  }

  /// Names the reel in a failure of its replay.
  func naming<Result>(_ body: () throws(ReplayError) -> Result) throws -> Result {
    do {
      return try body()
    } catch {
      switch error {
      case .trace(let error): throw CommandFailure("\(opened.path): \(error.description)")
      case .processor(let error): throw CommandFailure(error.sentence)
      case .unsupported(let sentence): throw CommandFailure("\(opened.path): \(sentence)")
      }
    }
  }

  /// What is said where the reel holds another RIP convention than this host's.
  static func normalizationNote(_ count: UInt64, of host: Metadata.Host) -> String {
    let convention = host.ripConventions[EventKind.portWrite.name] ?? "unknown"
    return "recorded on \(host.kvmModule) (RIP \(convention) an OUT); normalised here at "
      + "\(count) exits"
  }

  private static func policy(
    _ opened: OpenedReel, on facts: HostFacts, hostIsOfRecordedKind: Bool
  ) throws -> ReplayPolicy {
    let policies = opened.metadata.policies
    guard let tsc = TSCPolicy(rawValue: policies.tsc) else {
      throw CommandFailure(
        "\(opened.path): the TSC policy \(policies.tsc) is not one this vmreel knows")
    }
    if let obstacle = facts.obstacle(to: tsc) {
      throw CommandFailure(
        "\(opened.path): recorded with tsc \(tsc.rawValue); \(obstacle), so RDTSC cannot read here "
          + "what it read then; replay on a host where `vmreel doctor` says tsc: \(tsc.rawValue)")
    }
    return ReplayPolicy(
      interruptWindowIsExact: policies.interruptWindow == "exact", tsc: tsc,
      hostIsOfRecordedKind: hostIsOfRecordedKind)
  }

  private static func cpuidTable(_ opened: OpenedReel) throws -> [CPUIDEntry] {
    let rows = opened.metadata.cpu.cpuidTable
    let table = rows.compactMap(CPUIDEntry.init(row:))
    guard table.count == rows.count, table.count <= 256 else {
      throw CommandFailure("\(opened.path): the CPUID table in the metadata is malformed")
    }
    return table
  }

  /// Why the recorded guest cannot run here for lack of CPU features; `nil` when it can.
  static func refusal(_ metadata: Metadata, _ missing: CPUIDModel.MissingFeatures) -> String? {
    guard !missing.required.isEmpty else { return nil }
    return "the recorded guest needs CPU features that this host's KVM does not offer: "
      + missing.required.joined(separator: ", ")
      + "; replay on a host that offers them (CPU model \(metadata.cpu.model))"
  }

  /// What differs between the recording host and this one and could explain a divergence.
  static func warnings(
    _ metadata: Metadata, _ facts: HostFacts, _ missing: CPUIDModel.MissingFeatures, cpuName: String
  ) -> [String] {
    var warnings: [String] = []
    // Built-in guests look at no feature bit and use the required ones only.
    if !missing.optional.isEmpty, metadata.guest.kind != "built-in" {
      warnings.append(
        "the recorded guest saw CPU features that this host's KVM does not offer: "
          + missing.optional.joined(separator: ", ") + "; a guest that uses them diverges here")
    }
    if metadata.cpu.cpuid == "unenforced", metadata.host.cpu != cpuName {
      warnings.append(
        "recorded where CPUID could not be hidden, on \(metadata.host.cpu); "
          + "a guest that reads CPUID may diverge here")
    }
    let module = facts.moduleName ?? "unknown"
    if !metadata.host.isOfSameKind(as: facts, cpuName: cpuName) {
      warnings.append(
        "recorded on \(metadata.host.kvmModule) (\(metadata.host.cpu)), replayed on \(module) "
          + "(\(cpuName)): arithmetic flags are not compared")
    }
    let here = facts.ripConventions.named
    let kinds = metadata.host.ripConventions.filter { kind, convention in
      kind != EventKind.portWrite.name && here[kind] ?? convention != convention
    }
    if !kinds.isEmpty {
      warnings.append(
        "RIP stands elsewhere here than on the recording host at exits of kind "
          + kinds.keys.sorted().joined(separator: ", ") + "; the first of them will diverge")
    }
    return warnings
  }
}

/// Prints what the replayed guest prints, and progress on a terminal.
private final class ConsoleObserver: ReplayObserver {
  private let prints: Bool
  private let printsLandings: Bool
  private let progress: ProgressLine?

  init(prints: Bool, printsLandings: Bool, eventCount: UInt64, showsProgress: Bool) {
    self.prints = prints
    self.printsLandings = printsLandings
    progress = showsProgress ? ProgressLine(label: "replaying", total: eventCount) : nil
  }

  func consoleOutput(_ stream: ConsoleStream, _ byte: UInt8) {
    guard prints else { return }
    StandardOutput.shared.write(bytes: CollectionOfOne(byte))
    // By lines: the stretch that follows may take long to land in.
    if byte == UInt8(ascii: "\n") { StandardOutput.shared.drain() }
  }

  func progress(_ index: EventIndex) {
    progress?.update(index)
  }

  func landed(_ landing: LandingReport) {
    guard printsLandings else { return }
    progress?.clear()
    StandardError.note(LandingText.render(landing))
  }

  func finish() {
    progress?.clear()
  }
}
