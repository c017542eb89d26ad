/// Takes out of events, one after the other, what went through the guest's consoles.
///
/// Values and payloads become zeros; how much was written and read, and when, stays. So that a guess
/// of the text cannot be confirmed, every digest goes too, whole or in part, and the arithmetic
/// flags, which tell of the last character that a guest looked at.
public struct ConsoleRedaction: Sendable {
  /// Ports whose data are console text: the serial port's data register and the debug console.
  static let dataPorts: [UInt64] = [0x3f8, 0xe9]

  /// The vCPUs whose read of a data port waits for its answer.
  private var readers: Set<UInt16> = []

  /// Begins behind an event that no answer follows.
  public init() {}

  /// Redacts the next event.
  ///
  /// - Returns: whether the event's payload must become zeros as well.
  public mutating func redact(_ event: inout Event) -> Bool {
    event.flags.remove(.fullDigest)
    event.digest = 0
    event.check = 0
    event.arithmeticFlags = 0
    guard isOfConsole(event) else { return false }
    event.value = 0
    return true
  }

  private mutating func isOfConsole(_ event: Event) -> Bool {
    switch event.kind {
    case .portRead, .portWrite:
      let isData = Self.dataPorts.contains { port in
        port >= event.address && port - event.address < UInt64(max(event.width, 1))
      }
      if isData, event.kind == .portRead { readers.insert(event.vcpu) }
      return isData || event.stream != 0
    case .inputData: return readers.remove(event.vcpu) != nil || event.stream != 0
    default: return event.stream != 0
    }
  }
}
