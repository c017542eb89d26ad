internal import Analysis
internal import FoundationEssentials
internal import ReelFixtures
internal import Reporting
internal import Trace

/// Reads all that a reel offers, as the commands do; an error ends the part it belongs to.
struct ReelReading {
  private let reel: Reel
  private let metadata: Metadata?

  init(_ reel: Reel, readsMetadata: Bool = true) {
    self.reel = reel
    metadata =
      readsMetadata
      ? try? JSONDecoder().decode(Metadata.self, from: Data(reel.metadataJSON)) : nil
  }

  /// Opens a file, decodes its blocks, and walks over its events and page maps.
  static func decode(_ bytes: [UInt8]) {
    do throws(TraceError) {
      let reading = ReelReading(try Reel(MemorySource(bytes)), readsMetadata: false)
      reading.readBlocks()
      reading.readEvents(describing: 0)
      reading.readKernelExits(describing: 0)
      reading.restore()
    } catch {
      precondition(!error.description.isEmpty)
    }
  }

  /// Opens a file in both ways and reads what there is, through every command's eyes.
  static func run(_ bytes: [UInt8]) {
    let source = MemorySource(bytes)
    do throws(TraceError) {
      let reel = try Reel(source)
      // Who diffs may trust the digests: which of the two ways is left to the input.
      ReelReading(reel).run(trustsDigests: (bytes.last ?? 0) & 1 != 0)
      recover(source)
      // `verify` salvages, which shows more only where something is wrong.
      if reel.tail == .whole, reel.indexError == nil { return verify(source) }
    } catch {
      precondition(!error.description.isEmpty)
    }
    verify(source)
    ReelReading(Reel(salvaging: source)).readBlocks()
  }

  private static func verify(_ source: MemorySource) {
    _ = VerificationText.render(ReelVerification(source))
  }

  private func run(trustsDigests: Bool) {
    readBlocks()
    readEvents(describing: 64)
    readKernelExits(describing: 64)
    restore()
    _ = SummaryText.render(ReelSummary(reel, metadata: metadata))
    analyse(trustsDigests)
    Self.export(reel, metadata)
    strip()
    trim()
  }

  private func readBlocks() {
    for block in reel.blocks {
      switch block.header.type {
      case .events:
        _ = try? reel.events(of: block)
        for column in EventColumn.allCases { _ = try? reel.column(column, of: block) }
      case .pages: _ = try? reel.pages(of: block)
      case .keyframe: _ = try? reel.keyframe(of: block)
      case .kernelExits: _ = try? reel.kernelExits(of: block)
      case .hostTotals: _ = try? reel.hostTotals(of: block)
      case .index: _ = try? reel.indexedBlocks(in: block)
      default: _ = try? reel.rawBytes(of: block)
      }
      _ = try? reel.uncompressedBytes(of: block)
    }
  }

  /// Text takes long: that of the first events is what a report shows.
  private func readEvents(describing limit: Int) {
    var cursor = EventCursor(reel, from: 3)
    var described = 0
    while true {
      do throws(TraceError) {
        guard let event = try cursor.next() else { break }
        let payload = cursor.payload(of: event)
        described += 1
        guard described <= limit else { continue }
        let record = EventRecord(index: cursor.index, event: event, payload: payload)
        let description = EventDescription(record, times: true)
        _ = (description.line, description.jsonLine, description.csvRow)
      } catch {
        continue  // The damaged block now lies behind the cursor.
      }
    }
    _ = try? ConsoleTranscript(reel).text(stream: ConsoleTranscript.serialStream)
  }

  private func readKernelExits(describing limit: Int) {
    var cursor = KernelExitCursor(reel, from: 3)
    let names = KernelExitName(metadata)
    var described = 0
    while true {
      do throws(TraceError) {
        guard let exit = try cursor.next() else { break }
        described += 1
        guard described <= limit else { continue }
        let description = KernelExitDescription(exit, names: names, times: true)
        _ = (description.line, description.jsonLine)
      } catch {
        continue
      }
    }
  }

  /// What a replay needs to begin at each keyframe.
  private func restore() {
    for number in reel.keyframeNumbers {
      guard let map = try? reel.pageMap(at: number) else { continue }
      _ = try? reel.forEachPage(of: map) { _, content in
        precondition(content.count == PageBlock.pageSize)
      }
    }
    _ = reel.lastKeyframe(notAfter: 7)
  }

  private func analyse(_ trustsDigests: Bool) {
    count()
    let pair = metadata.map { (a: $0, b: $0) }
    var options = ReelDifference.Options()
    options.trustsDigests = trustsDigests
    guard let difference = try? ReelDifference(reel, reel, metadata: pair, options: options)
    else { return }
    // A digest that comes twice misleads whoever trusts digests.
    precondition(difference.areEqual || trustsDigests, "a reel differs from itself")
    _ = DifferenceText().render(difference)
    align()
  }

  /// Compares with a sound reel, with all that can be asked for.
  private func align() {
    guard let sound = try? Reel(MemorySource(Self.sound)) else { return }
    var options = ReelDifference.Options()
    options.keepsAllEvents = true
    options.isApart = true
    options.hunkLimit = 4
    var text = DifferenceText()
    text.isFull = true
    for pair in [(reel, sound), (sound, reel)] {
      guard let difference = try? ReelDifference(pair.0, pair.1, options: options) else { continue }
      _ = text.render(difference)
    }
  }

  private static let sound = SampleReel().encoded()

  /// Every table, series and list that `stats` can be asked for.
  private func count() {
    var query = ExitStatistics.Query()
    query.selection.skipsDamagedBlocks = true
    if let statistics = try? ExitStatistics(reel, query, metadata: metadata) {
      _ = StatisticsText().render(statistics)
    }
    query.hasHistograms = true
    let markers = ["text=console:aab", "port=port:0x80:1", "event=event:5"]
    query.phases = try? PhaseTracker(markers.compactMap { try? PhaseMarker(parsing: $0) })
    for population in ExitStatistics.Population.allCases {
      query.population = population
      for dimensions: [ExitDimension] in [
        [.reason, .port, .rip, .phase], [.gpa, .vcpu], [.msr, .symbol], [.device], [.wake],
        [.vector], [.cause],
      ] {
        query.dimensions = dimensions
        guard let statistics = try? ExitStatistics(reel, query, metadata: metadata) else {
          continue
        }
        let table = statistics.table
        precondition(table.rows.reduce(0) { $0 &+ $1.samples } == table.samples, "rows are lost")
        _ = (StatisticsText().render(statistics), StatisticsCSV.render(table))
      }
      list(query)
    }
  }

  private func list(_ query: ExitStatistics.Query) {
    var pass = StatisticsPass(reel, query, metadata: metadata)
    var series = IntervalSeries(every: 1000, nil, by: [.reason], pass.names)
    if (try? pass.run(reel, &series)) != nil {
      _ = IntervalText.render(series.cells, dimensions: series.dimensions)
    }
    pass = StatisticsPass(reel, query, metadata: metadata)
    var slow = SlowExits(slowerThan: 0, limit: 10, pass.names)
    if (try? pass.run(reel, &slow)) != nil { _ = IntervalText.render(slow) }
  }

  /// A stripped copy must open, and show the same events.
  private func strip() {
    guard reel.tail == .whole else { return }
    var stripper = ReelStripper(reel)
    var copy = stripper.header
    do throws(TraceError) {
      while let block = try stripper.nextBlock() { copy += block }
    } catch {
      return
    }
    guard let stripped = try? Reel(MemorySource(copy)) else {
      preconditionFailure("a stripped copy does not open")
    }
    precondition(stripped.eventCount == reel.eventCount, "a stripped copy lost events")
  }

  /// A trimmed copy must open, and hold the events it says.
  private func trim() {
    let first = reel.eventBlocks.first?.header.firstEvent ?? 0
    guard var trimmer = try? ReelTrimmer(reel, from: first &+ 5, to: first &+ 40) else { return }
    var copy: [UInt8] = []
    do {
      try trimmer.forEachPart(metadataJSON: reel.metadataJSON) { copy += $0 }
    } catch {
      return
    }
    guard let trimmed = try? Reel(MemorySource(copy)), trimmed.tail == .whole else {
      preconditionFailure("a trimmed copy does not open")
    }
    precondition(trimmed.eventCount == trimmer.range.upperBound, "a trimmed copy lost events")
  }

  /// What is recovered must open, whole.
  private static func recover(_ source: MemorySource) {
    guard let recovery = try? ReelRecovery(source) else { return }
    var copy: [UInt8] = []
    do {
      try recovery.forEachPart(metadataJSON: Array("{}".utf8)) { copy += $0 }
    } catch {
      return
    }
    guard let recovered = try? Reel(MemorySource(copy)), recovered.tail == .whole else {
      preconditionFailure("a recovered reel does not open")
    }
  }
}
