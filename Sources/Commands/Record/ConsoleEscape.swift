/// Tells keys for the guest from keys for us: Ctrl-A begins a command, as in QEMU.
struct ConsoleEscape {
  /// What a typed byte comes to.
  enum Key: Equatable {
    /// The guest gets this byte.
    case send(UInt8)
    /// End the recording.
    case leave
    /// Say which keys there are.
    case help
    /// Nothing, or the first half of a command.
    case none
  }

  /// The keys, for people.
  static let help =
    "Ctrl-A X ends the recording, Ctrl-A A sends Ctrl-A, Ctrl-A H prints this; "
    + "all other keys, Ctrl-C too, go to the guest"

  private static let prefix: UInt8 = 0x01
  private var isCommand = false

  /// Takes the next typed byte.
  mutating func key(_ byte: UInt8) -> Key {
    guard isCommand else {
      isCommand = byte == Self.prefix
      return isCommand ? .none : .send(byte)
    }
    isCommand = false
    switch byte {
    case UInt8(ascii: "x"), UInt8(ascii: "X"): return .leave
    case UInt8(ascii: "a"), UInt8(ascii: "A"), Self.prefix: return .send(Self.prefix)
    case UInt8(ascii: "h"), UInt8(ascii: "H"), UInt8(ascii: "?"): return .help
    default: return .none
    }
  }
}
