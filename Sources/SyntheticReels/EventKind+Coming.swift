internal import Trace

/// Kinds that the format has a place for and no recorder writes yet.
extension EventKind {
  /// A device wrote guest memory: `address` guest physical, `count` bytes, `device`; the bytes are
  /// the payload, or they lie in disk image `image` - 1 from byte `value` on.
  static let dma = EventKind(rawValue: 35)
  /// A replay that had diverged installed a keyframe here: `address` its number.
  static let resync = EventKind(rawValue: 65)
}
