public import Trace

/// Takes no exits: for what a pass tells by itself.
public struct NoExitObserver: ExitObserver {
  /// Takes none.
  public init() {}
  /// None.
  public var columns: Set<EventColumn> { [] }
  /// Takes none.
  public mutating func observe(_ exit: borrowing ExitSample) {}
}

/// One pass over the exits that a query is about, for any observer.
public struct StatisticsPass {
  /// Which exits are handed out.
  public let population: ExitStatistics.Population
  /// What the dimensions' values are called.
  public let names: ExitNames
  /// Whether the reel's times mean something.
  public let hasTimes: Bool
  /// The walk over the runner's exits.
  public private(set) var events: ExitScan
  /// The walk over the kernel's.
  public private(set) var kernelExits: KernelExitScan
  private let selection: ExitSelection

  /// Told after each block how many events, or kernel exits, were walked over.
  public var onProgress: ((UInt64) -> Void)? {
    didSet {
      events.onProgress = onProgress
      kernelExits.onProgress = onProgress
    }
  }

  /// Prepares a pass.
  ///
  /// - Parameter metadata: the reel's, whose names kernel exits get; `nil` for this version's.
  public init(_ reel: Reel, _ query: ExitStatistics.Query, metadata: Metadata?) {
    selection = query.selection
    hasTimes = metadata.map { !$0.strippedParts.contains(.times) } ?? true
    // A reel without any events is an import, or one whose recorder saw kernel exits only.
    let isKernelOnly = reel.eventBlocks.isEmpty && !reel.kernelExitBlocks.isEmpty
    population = query.population ?? (isKernelOnly ? .kernel : .runner)
    events = ExitScan(reel, query.selection, hasTimes: hasTimes)
    events.phases = query.phases
    kernelExits = KernelExitScan(
      reel, query.selection, isHandledAlone: population == .handled || population == .all)
    var names = ExitNames(metadata)
    names.symbols = query.symbols
    names.phases = query.phases?.names ?? []
    self.names = names
  }

  /// Hands all of a reel's exits to an observer.
  ///
  /// - Throws: the ``TraceError`` of the first damaged block, unless those are skipped.
  public mutating func run(_ reel: Reel, _ observer: inout some ExitObserver) throws(TraceError) {
    try resume(reel, &observer)
    finish(&observer)
  }

  /// Hands out what a reel has and was not handed out yet.
  public mutating func resume(
    _ reel: Reel, _ observer: inout some ExitObserver
  ) throws(TraceError) {
    if population == .runner || population == .all { try events.resume(reel, &observer) }
    if population != .runner { try kernelExits.resume(reel, &observer) }
  }

  /// Hands out the exits that nothing followed.
  public mutating func finish(_ observer: inout some ExitObserver) {
    events.finish(&observer)
    kernelExits.finish(&observer)
  }

  /// Events and kernel exits lost to damaged blocks that were skipped.
  public var lostCount: UInt64 { events.counts.lostEvents &+ kernelExits.lostExits }

  /// The vCPUs that were met, selected or not.
  public var vcpus: Set<UInt16> { events.vcpus.union(kernelExits.vcpus) }

  /// Host nanoseconds of the part that was handed out; of the whole recording when all was.
  public func durationNanoseconds(of reel: Reel) -> UInt64 {
    if selection.isAll {
      return reel.end?.durationNanoseconds
        ?? (reel.eventBlocks.last ?? reel.kernelExitBlocks.last)?.header.lastTime ?? 0
    }
    let counts = events.counts
    return counts.firstTime.map { counts.lastTime &- min($0, counts.lastTime) } ?? 0
  }
}
