public import Trace

/// Walks a reel once and hands it to an export; holds a block of events and one of kernel exits.
public struct ExportWalk {
  private let reel: Reel
  /// Which events, with the kernel exits anchored at them; `nil` for all.
  public var range: Range<EventIndex>?
  /// Whether to go on past damaged blocks and count the loss.
  public var skipsDamagedBlocks = false
  /// Events handed over.
  public private(set) var events: UInt64 = 0
  /// Kernel exits handed over.
  public private(set) var kernelExits: UInt64 = 0
  /// Events in damaged blocks that were skipped, as the blocks' headers state it.
  public private(set) var lostEvents: UInt64 = 0
  /// Kernel exits in damaged blocks that were skipped.
  public private(set) var lostKernelExits: UInt64 = 0

  /// Walks over a reel.
  public init(_ reel: Reel) {
    self.reel = reel
  }

  /// Walks from the first event to the last.
  ///
  /// - Parameter progress: called with each event's index.
  /// - Throws: the ``TraceError`` of the first damaged block, unless those are skipped, and what
  ///   the target throws.
  public mutating func run(
    into target: inout some ExportTarget, progress: (EventIndex) -> Void = { _ in }
  ) throws {
    let needs = target.needs
    var cursor = EventCursor(reel, from: range?.lowerBound ?? 0)
    var observed = KernelExitCursor(reel, from: range?.lowerBound ?? 0)
    var due = needs.contains(.kernelExits) ? try next(&observed, &target) : nil
    while needs.contains(.events) {
      let event = try next(&cursor, &target)
      // Before what follows the range is read: damage there is none of it.
      lostEvents = cursor.skippedEvents
      guard let event else { break }
      if let range, cursor.index >= range.upperBound {
        try completeExits(from: event, &cursor, &target)
        break
      }
      // What precedes it: anchored at an event that was lost.
      while let exit = due, exit.anchor < cursor.index {
        try hand(exit, to: &target)
        due = try next(&observed, &target)
      }
      try target.receive(event, at: cursor.index, payload: cursor.payload(of: event))
      events += 1
      progress(cursor.index)
    }
    while let exit = due, exit.anchor < range?.upperBound ?? .max {
      try hand(exit, to: &target)
      due = try next(&observed, &target)
    }
    lostKernelExits = observed.skippedExits
    // What is left lies behind the range.
    while let exit = due, try target.complete(with: exit) { due = try? observed.next() }
    try target.finish()
  }

  /// Reads on behind the range until each vCPU was entered again.
  private func completeExits(
    from first: Event, _ cursor: inout EventCursor, _ target: inout some ExportTarget
  ) throws {
    var event: Event? = first
    while let current = event {
      if current.kind.isExit, try !target.complete(with: current) { return }
      event = try? cursor.next()
    }
  }

  private mutating func hand(
    _ exit: KernelExitRecord, to target: inout some ExportTarget
  ) throws {
    try target.receive(exit)
    kernelExits += 1
  }

  private func next(
    _ cursor: inout EventCursor, _ target: inout some ExportTarget
  ) throws -> Event? {
    while true {
      do throws(TraceError) {
        return try cursor.next()
      } catch {
        guard skipsDamagedBlocks else { throw error }
        try target.noteGap()
      }
    }
  }

  private func next(
    _ cursor: inout KernelExitCursor, _ target: inout some ExportTarget
  ) throws -> KernelExitRecord? {
    while true {
      do throws(TraceError) {
        return try cursor.next()
      } catch {
        guard skipsDamagedBlocks else { throw error }
        try target.noteGap()
      }
    }
  }
}
