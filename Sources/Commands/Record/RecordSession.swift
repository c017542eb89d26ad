internal import Bytes
internal import KVM
internal import Machine
internal import Replay
internal import Trace
internal import TraceIO

/// One recording from the loaded image to the closed reel.
struct RecordSession {
  private let guest: PreparedGuest
  /// What messages call the reel.
  private let place: String
  private let isStream: Bool
  private let facts: HostFacts
  private let host: TerminalHost
  private let observer: KVMObserver
  private let tracesKernelExits: Bool
  private let writer: ReelWriter

  var memory: GuestMemory { guest.memory }

  /// Prepares everything that can fail before the guest runs; the output file comes last.
  init(
    image: GuestImage, policy options: PolicyOptions, output: String, overwrite: Bool,
    input: String?, tracesKernelExits: Bool
  ) throws {
    self.tracesKernelExits = tracesKernelExits
    isStream = output == StreamedReel.argument
    place = isStream ? StreamedReel.name : output
    let stream = isStream ? try StreamedReel.open() : nil
    do {
      facts = try HostProbe.facts()
      guest = try PreparedGuest(image, policy: options, on: facts)
      observer = try KVMObserver(of: guest.processor, tracesExits: tracesKernelExits)
    } catch let error as ProcessorError {
      throw CommandFailure(error.sentence)
    }
    host = try TerminalHost(
      input: input ?? (image.readsInput ? "-" : "none"), isRaw: image.hasConsole,
      kicker: guest.processor.kicker)
    do {
      let header = FileHeader(pageKey: RandomKey.make(byteCount: 16))
      let json = try JSONText.encode(
        Self.metadata(guest, facts, tracesKernelExits: tracesKernelExits), pretty: false)
      writer = try ReelWriter(
        try stream ?? ReelOutput(path: output, overwrite: overwrite), header: header,
        metadataJSON: json, expectsKernelExits: tracesKernelExits)
    } catch let error as FileError {
      throw CommandFailure(error.description)
    }
    if let sites = guest.timestampSites { Self.note(sites) }
    if let unpatchable = guest.unpatchable { StandardError.note(unpatchable.note) }
  }

  private static func note(_ sites: Metadata.TimestampSites) {
    StandardError.note(
      "tsc patch: \(sites.rewritten.count) RDTSC instructions of the kernel were rewritten; RDTSC in "
        + "user space and in modules is not controlled, and a replay diverges where its result shows"
    )
  }

  /// Records, closes the reel, and says in one line how it ended.
  func run() throws -> EndRecord {
    let recorder = Recorder(
      processor: guest.processor, memory: guest.memory,
      board: Board(configuration: BoardConfiguration()), host: host, sink: writer,
      policy: guest.policy, observer: observer)
    host.begin()
    let end = recorder.run()
    host.finish()
    let size: (stored: UInt64, raw: UInt64)
    do {
      size = try writer.finish(end)
    } catch {
      if isStream {
        throw CommandFailure("\(error.description); what had gone out is a partial reel")
      }
      let place = error.operation == .rename ? place + ".part" : place
      throw CommandFailure(
        "\(error.description); what was written until then is readable in \(place)")
    }
    noteWaits()
    if let failure = recorder.failure {
      throw CommandFailure(
        "\(failure.sentence); the recording until event \(end.eventCount) is valid in \(place)")
    }
    noteKernelExits()
    // The guest's last words come before ours where both go to one place.
    StandardOutput.shared.drain()
    StandardError.note(
      "recorded \(place): \(end.eventCount) events, \(end.keyframeCount) keyframes, "
        + "\(size.stored) bytes; ended by \(EndText.describe(end, fatalExit: recorder.fatalExit))")
    return end
  }

  /// Says that the guest was held up by the reel's writing, and so ran slower than it could.
  private func noteWaits() {
    let waits = writer.waits
    guard waits.count > 0 else { return }
    StandardError.note(
      "note: the guest waited \(waits.count) times, \(waits.nanoseconds / 1_000_000) ms in all, "
        + "until the reel was compressed and written")
  }

  /// Says what became of `--kernel-exits` where that is not every exit.
  private func noteKernelExits() {
    guard tracesKernelExits else { return }
    let counters = observer.counters()
    func value(_ name: String) -> UInt64? { counters.first { $0.name == name }?.value }
    if value("tracer.recorded") == 0 {
      StandardError.note(
        "note: the kvm_exit tracepoint never fired under \(facts.moduleName ?? "this KVM"); "
          + "the reel has KVM's totals instead (\(value("kvm.exits") ?? 0) exits)")
    } else if let lost = value("tracer.lost"), lost > 0 {
      StandardError.note("note: \(lost) kernel exits were lost: the reel has not every VM exit")
    }
  }

  /// What the reel says about itself.
  static func metadata(
    _ guest: PreparedGuest, _ facts: HostFacts, tracesKernelExits: Bool
  ) -> Metadata {
    let policy = guest.policy
    var metadata = Metadata(
      tool: "vmreel \(VMReel.version)", commandLine: CommandLine.arguments,
      guest: guest.image.identity, memoryMiB: guest.image.memoryMiB,
      board: Metadata.BoardDescription(
        name: "isa-v1",
        realTimeClockEpochSeconds: BoardConfiguration().realTimeClockEpochSeconds),
      cpu: Metadata.CPU(
        model: CPUIDModel.name, cpuid: facts.cpuidIsEnforced ? "enforced" : "unenforced",
        cpuidTable: guest.processor.cpuid.map(\.row)),
      host: Metadata.Host(
        cpu: HostDescription.cpuName(), kernel: facts.kernelRelease,
        kvmModule: facts.moduleName ?? "unknown", ripConventions: facts.ripConventions.named),
      policies: Metadata.Policies(
        placement: policy.placement.rawValue, clock: policy.clock.rawValue,
        interruptWindow: policy.placement == .exit
          ? "none" : policy.interruptWindowIsExact ? "exact" : "late", tsc: policy.tsc.rawValue,
        tscSites: guest.timestampSites,
        quantumNanoseconds: policy.quantumNanoseconds,
        exitCostNanoseconds: policy.exitCostNanoseconds,
        check: policy.storesFullDigest ? "full" : "bits8"))
    if tracesKernelExits {
      metadata.kernelExits = Metadata.KernelExitNames(
        isas: facts.moduleName == "kvm_amd" ? [2] : facts.moduleName == "kvm_intel" ? [1] : [1, 2])
    }
    return metadata
  }
}
