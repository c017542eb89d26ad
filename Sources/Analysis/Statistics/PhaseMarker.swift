/// What begins a phase of a recording: `kernel=console:Linux version`, `init=port:0x80:0x31`.
public struct PhaseMarker: Equatable, Sendable {
  /// What is waited for.
  public enum Trigger: Equatable, Sendable {
    /// A text on one of the guest's consoles; it may span exits.
    case console([UInt8])
    /// A value written to a port.
    case port(UInt16, value: UInt64)
    /// An event, by its number.
    case event(UInt64)
  }

  /// The longest text waited for, in bytes.
  public static let maximumTextByteCount = 4096

  /// The phase that begins.
  public let name: String
  /// What begins it.
  public let trigger: Trigger

  /// Reads `NAME=console:TEXT`, `NAME=port:PORT:VALUE` or `NAME=event:NUMBER`.
  ///
  /// Numbers are decimal, or hex with `0x`.
  public init(parsing text: String) throws(PhaseMarkerError) {
    guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
      throw .noName(text)
    }
    name = String(text[..<equals])
    guard name != PhaseMatcher.firstPhase else { throw .reservedName }
    let rest = text[text.index(after: equals)...]
    let parts = rest.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw .unknownTrigger(String(rest)) }
    switch parts[0] {
    case "console":
      let wanted = Array(parts[1].utf8)
      guard !wanted.isEmpty, wanted.count <= Self.maximumTextByteCount else { throw .badText }
      trigger = .console(wanted)
    case "port":
      let numbers = parts[1].split(separator: ":", omittingEmptySubsequences: false)
      guard numbers.count == 2, let port = Self.number(numbers[0]), port <= 0xffff,
        let value = Self.number(numbers[1]), value <= 0xffff_ffff
      else { throw .badPort(String(parts[1])) }
      trigger = .port(UInt16(port), value: value)
    case "event":
      guard let event = Self.number(parts[1]) else { throw .badEvent(String(parts[1])) }
      trigger = .event(event)
    default: throw .unknownTrigger(String(rest))
    }
  }

  private static func number(_ text: Substring) -> UInt64? {
    let isHex = text.hasPrefix("0x")
    let digits = text.dropFirst(isHex ? 2 : 0)
    // UInt64.init takes a sign.
    guard digits.allSatisfy({ $0.isASCII && $0.isHexDigit }) else { return nil }
    return UInt64(digits, radix: isHex ? 16 : 10)
  }
}

/// Why a phase marker cannot be read.
public enum PhaseMarkerError: Error, Equatable, Sendable, CustomStringConvertible {
  /// There is no name before `=`.
  case noName(String)
  /// The name is that of the first phase.
  case reservedName
  /// It is none of the three kinds.
  case unknownTrigger(String)
  /// The console text is empty or too long.
  case badText
  /// The port or its value is no number of its range.
  case badPort(String)
  /// The event is no number.
  case badEvent(String)
  /// Two markers have one name.
  case duplicate(String)

  /// One sentence.
  public var description: String {
    switch self {
    case .noName(let text):
      "the phase marker \"\(text)\" has no name: write NAME=console:TEXT, for instance"
    case .reservedName: "\"start\" is the phase before the first marker: choose another name"
    case .unknownTrigger(let text):
      "\"\(text)\" begins no phase: write console:TEXT, port:0x80:0xNN or event:N"
    case .badText:
      "the console text of a phase marker has 1 to \(PhaseMarker.maximumTextByteCount) bytes"
    case .badPort(let text):
      "\"\(text)\" is no port and value: write port:0x80:0x31, a port up to 0xffff and a value up to "
        + "0xffffffff"
    case .badEvent(let text): "\"\(text)\" is no event number: write event:1042, for instance"
    case .duplicate(let name): "two phase markers are called \"\(name)\": give each another name"
    }
  }
}
