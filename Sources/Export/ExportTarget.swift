public import Trace

/// What an export hands the contents of a reel to, in the order they happened.
public protocol ExportTarget {
  /// Which parts of the reel are wanted; others are not read.
  var needs: ExportNeeds { get }

  /// Takes an event.
  mutating func receive(
    _ event: Event, at index: EventIndex, payload: ArraySlice<UInt8>
  ) throws

  /// Takes a kernel exit; it comes after the event it is anchored at.
  mutating func receive(_ exit: KernelExitRecord) throws

  /// Learns of an exit behind the range: its entry ends the handling of its vCPU's exit before.
  ///
  /// - Returns: whether other exits still wait for an entry.
  mutating func complete(with event: Event) throws -> Bool

  /// Learns of a kernel exit behind the range, likewise.
  mutating func complete(with exit: KernelExitRecord) throws -> Bool

  /// Learns that events or kernel exits are missing here.
  mutating func noteGap() throws

  /// Learns that nothing more comes.
  mutating func finish() throws
}

extension ExportTarget {
  /// Nothing waits where durations are not told.
  public mutating func complete(with event: Event) throws -> Bool { false }
  /// Nothing waits where durations are not told.
  public mutating func complete(with exit: KernelExitRecord) throws -> Bool { false }
}

/// Parts of a reel that an export reads.
public struct ExportNeeds: OptionSet, Sendable {
  /// The bits.
  public let rawValue: Int
  /// Makes a set from bits.
  public init(rawValue: Int) { self.rawValue = rawValue }
  /// Events.
  public static let events = ExportNeeds(rawValue: 1)
  /// Kernel exits.
  public static let kernelExits = ExportNeeds(rawValue: 2)
}
