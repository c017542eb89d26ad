public import Trace

/// What begins a phase of the guest's life.
public struct PhaseMarker: Sendable, Equatable {
  /// The phase's name.
  public var name: String
  /// What must happen for it to begin.
  public var trigger: Trigger

  /// Makes a marker.
  public init(name: String, trigger: Trigger) {
    self.name = name
    self.trigger = trigger
  }

  /// The first of these events begins the phase.
  public enum Trigger: Sendable, Equatable {
    /// The guest wrote this text to a console, in any number of events.
    case console([UInt8])
    /// The guest wrote this value to a port; any value when `nil`.
    case port(UInt64, value: UInt64?)
    /// An event's index.
    case event(EventIndex)
  }
}

/// Follows the phases of a reel, event by event; phase 0 is what comes before any marker.
public struct PhaseTracker: Sendable {
  /// The name of phase 0.
  public static let firstName = "start"

  /// Phase k + 1 begins by marker k.
  public let markers: [PhaseMarker]
  /// The phase events belong to now.
  public private(set) var current: UInt16 = 0
  /// How many bytes of each marker's text the console's last bytes match, by stream.
  private var matched: [[Int]]
  private var hasBegun: [Bool]
  private var streams: [UInt8] = []

  /// Follows markers; at most 1000.
  public init(_ markers: [PhaseMarker]) {
    self.markers = Array(markers.prefix(1000))
    matched = []
    hasBegun = [Bool](repeating: false, count: self.markers.count)
  }

  /// A phase's name.
  public func name(_ phase: UInt16) -> String {
    phase == 0 ? Self.firstName : markers[Int(phase) - 1].name
  }

  /// The markers that never came.
  public var missing: [PhaseMarker] {
    zip(markers, hasBegun).filter { !$0.1 }.map(\.0)
  }

  /// Takes a byte of console output.
  mutating func note(consoleByte: UInt8, stream: UInt8, at event: EventIndex) {
    let place = streams.firstIndex(of: stream) ?? addStream(stream)
    for index in markers.indices where !hasBegun[index] {
      guard case .console(let text) = markers[index].trigger, !text.isEmpty else { continue }
      var length = matched[place][index]
      while length > 0, text[length] != consoleByte {
        length = Self.fallback(text, length)
      }
      if text[length] == consoleByte { length += 1 }
      matched[place][index] = length
      if length == text.count { begin(index) }
    }
  }

  /// The phase of an exit, which may begin one.
  mutating func phase(of sample: ExitSample) -> UInt16 {
    for index in markers.indices where !hasBegun[index] {
      switch markers[index].trigger {
      case .port(let port, let value)
      where sample.space == .port && sample.isWrite && sample.address == port:
        if value == nil || value == sample.value { begin(index) }
      case .event(let event) where sample.index >= event: begin(index)
      default: break
      }
    }
    return current
  }

  private mutating func begin(_ index: Int) {
    hasBegun[index] = true
    current = UInt16(index + 1)
  }

  private mutating func addStream(_ stream: UInt8) -> Int {
    streams.append(stream)
    matched.append([Int](repeating: 0, count: markers.count))
    return streams.count - 1
  }

  /// The longest proper prefix of the text that ends its first `length` bytes.
  private static func fallback(_ text: [UInt8], _ length: Int) -> Int {
    var shorter = length - 1
    while shorter > 0, text[..<shorter] != text[(length - shorter)..<length] { shorter -= 1 }
    return shorter
  }
}
