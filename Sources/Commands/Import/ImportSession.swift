internal import Bytes
internal import Glibc
internal import Import
internal import Trace
internal import TraceIO

/// Reads logs and keeps the blocks of their kernel exits in a file, until the metadata that stands
/// before them is known.
struct ImportSession {
  /// Bytes read at once.
  private static let chunkSize = 1 << 20
  /// Kernel exits in a block.
  private static let blockSize = 1 << 15
  private(set) var importer: LogImporter
  private(set) var exitCount: UInt64 = 0
  private var sources: [Metadata.ImportedLog.Source] = []
  /// The key of page identities, of which there are none: of the first log, so that equal logs make
  /// equal reels.
  private var pageKey: [UInt8] = []
  private var encoder = BlockEncoder(pageKey: [UInt8](repeating: 0, count: 16))
  private let spool: BlockSpool
  private var held: [KernelExitRecord] = []
  private var lastTime: UInt64 = 0

  init(_ importer: LogImporter) throws {
    self.importer = importer
    spool = try BlockSpool()
  }

  /// Reads one log to its end.
  ///
  /// - Throws: ``CommandFailure`` naming the path.
  mutating func read(_ path: String) throws {
    let isInput = path == "-"
    let descriptor = isInput ? STDIN_FILENO : unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.failure(path) }
    defer { if !isInput { close(descriptor) } }
    var facts = stat()
    let isSized = unsafe fstat(descriptor, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
    let progress = ProgressLine(
      label: "importing \(InputFile.name(of: path))", total: isSized ? UInt64(facts.st_size) : 0,
      unit: "bytes", stride: 1)
    let hash = SHA256Stream()
    var byteCount: UInt64 = 0
    var buffer = [UInt8](repeating: 0, count: Self.chunkSize)
    while true {
      // Safe: read(2) writes at most the buffer's count.
      let got = unsafe buffer.withUnsafeMutableBytes {
        unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
      }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw Self.failure(path) }
      if got == 0 { break }
      let bytes = buffer.span.extracting(0..<got)
      hash.update(bytes)
      importer.feed(bytes)
      byteCount += UInt64(got)
      try takeExits()
      if isSized { progress.update(byteCount) }
    }
    progress.clear()
    importer.endFile()
    let digest = hash.finish()
    if sources.isEmpty { pageKey = Array(digest.prefix(16)) }
    sources.append(
      Metadata.ImportedLog.Source(
        name: isInput ? "-" : InputFile.name(of: path), sha256: Self.hex(digest),
        byteCount: byteCount))
  }

  /// All logs are read.
  mutating func finish() throws {
    importer.finish()
    try takeExits()
    try flush()
  }

  private mutating func takeExits() throws {
    exitCount += UInt64(importer.exits.count)
    held += importer.exits
    importer.removeExits()
    while held.count >= Self.blockSize { try flush() }
  }

  private mutating func flush() throws {
    let count = min(held.count, Self.blockSize)
    guard count > 0 else { return }
    let block = unsafe held.withUnsafeBufferPointer {
      unsafe encoder.block(UnsafeBufferPointer(rebasing: $0[..<count]), firstTime: lastTime)
    }
    lastTime = held[count - 1].exitTime
    held.removeFirst(count)
    try spool.append(block)
  }

  /// Writes the reel.
  ///
  /// - Throws: ``FileError`` or ``CommandFailure`` when the reel or the spool fails.
  func write(_ destination: any ReelDestination, metadataJSON: [UInt8]) throws {
    var encoder = BlockEncoder(pageKey: pageKey)
    try destination.write(FileHeader(pageKey: pageKey).encoded())
    try destination.write(encoder.block(.metadata, metadataJSON))
    let counters = importer.counters
    let duration = importer.summary.durationNanoseconds
    let start = HostTotals(
      moment: .start, anchor: nil, time: 0,
      counters: counters.map { HostTotals.Counter(name: $0.name, value: 0) })
    try destination.write(encoder.block(.hostTotals, start.encoded()))
    try spool.forEachBlock { block in try destination.write(encoder.block(moving: block)) }
    let end = HostTotals(moment: .end, anchor: nil, time: duration, counters: counters)
    try destination.write(encoder.block(.hostTotals, end.encoded()))
    let record = EndRecord(
      reason: .endOfLog, durationNanoseconds: duration, digest: RunningDigest.initial.value)
    try destination.write(encoder.end(record, isIndexed: destination.isSeekable))
    try destination.close()
  }

  private static func failure(_ path: String) -> CommandFailure {
    CommandFailure("cannot read \(path): \(unsafe String(cString: strerror(errno)))")
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { byte in String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }.joined()
  }

  // MARK: Metadata

  /// What the reel says of itself: what the log knows, `unknown` for the rest.
  func metadata(commandLine: [String], process: UInt32?) throws -> Metadata {
    let summary = importer.summary
    let unknown = "unknown"
    let module =
      switch importer.instructionSets.first {
      case 1: "kvm_intel"
      case 2: "kvm_amd"
      default: unknown
      }
    var metadata = Metadata(
      tool: "vmreel \(VMReel.version)", commandLine: commandLine,
      guest: Metadata.Guest(
        kind: "imported", name: sources.map(\.name).joined(separator: ", "),
        sha256: sources.count == 1 ? sources[0].sha256 : unknown, loadAddress: nil, append: nil,
        modules: []),
      memoryMiB: 0,
      board: Metadata.BoardDescription(name: unknown, realTimeClockEpochSeconds: 0),
      cpu: Metadata.CPU(model: unknown, cpuid: unknown, cpuidTable: []),
      host: Metadata.Host(
        cpu: summary.cpu ?? unknown, kernel: summary.kernel ?? unknown, kvmModule: module,
        ripConventions: [:]),
      policies: Metadata.Policies(
        placement: unknown, clock: unknown, interruptWindow: unknown, tsc: unknown,
        quantumNanoseconds: 0, exitCostNanoseconds: 0, check: unknown))
    var names = Metadata.KernelExitNames(isas: importer.instructionSets)
    for reason in importer.unnamedReasons {
      names.reasons[String(reason.isa), default: [:]][String(reason.code)] = reason.name
    }
    metadata.kernelExits = names
    metadata.imported = importedLog(process)
    return metadata
  }

  private func importedLog(_ process: UInt32?) -> Metadata.ImportedLog {
    let summary = importer.summary
    return Metadata.ImportedLog(
      format: summary.format?.rawValue ?? "unknown", sources: sources,
      firstNanoseconds: summary.firstNanoseconds ?? 0, lines: summary.lines,
      events: summary.events, otherEvents: summary.otherEvents,
      unknownLines: summary.unknownLines, unknownSamples: summary.unknownSamples,
      lostEvents: summary.lostEvents, process: process,
      vcpus: importer.vcpus.map {
        Metadata.ImportedLog.VCPU(
          number: $0.number, logNumber: $0.logNumber, thread: $0.thread, process: $0.process,
          command: $0.command, exits: $0.exits)
      })
  }
}
