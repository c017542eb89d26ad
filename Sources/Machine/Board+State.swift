extension Board {
  /// The state of every device; the configuration is stored elsewhere.
  ///
  /// ``init(configuration:restoring:)`` makes an equal board of it.
  public func encodeState() -> [BoardStateEntry] {
    [
      interrupts.stateEntry, timer.stateEntry, clock.stateEntry, serial.stateEntry,
      system.stateEntry,
    ]
  }

  /// Makes the board that ``encodeState()`` described; the order of entries does not matter.
  ///
  /// - Throws: ``BoardStateError`` when an entry is missing, double, unknown, of another version
  ///   or holds what a device cannot.
  public init(
    configuration: BoardConfiguration, restoring entries: [BoardStateEntry]
  ) throws(BoardStateError) {
    self.init(configuration: configuration)
    let kinds: Set<UInt16> = [
      PIC8259Pair.stateKind, PIT8254.stateKind, CMOSClock.stateKind, UART16550.stateKind,
      SystemControl.stateKind,
    ]
    if let stranger = entries.first(where: { !kinds.contains($0.kind) }) {
      throw .unknown(kind: stranger.kind)
    }
    try interrupts.restore(from: entries)
    try timer.restore(from: entries)
    try clock.restore(from: entries)
    try serial.restore(from: entries)
    try system.restore(from: entries)
  }
}
