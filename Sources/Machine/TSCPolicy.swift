/// What the guest's RDTSC reads.
public enum TSCPolicy: String, Equatable, Sendable, CaseIterable {
  /// Nothing is done: for guests that do not execute RDTSC.
  case none
  /// The counter stands still in each slice at a value the recording chose (TSC scaling).
  case freeze
  /// The loader has rewritten the kernel's RDTSC to reads of ``TimestampPort``; RDTSC in user space
  /// stays uncontrolled.
  case patch
}

/// The port whose 4-byte read stands for RDTSC under ``TSCPolicy/patch``.
///
/// `IN EAX, imm8` is as long as RDTSC. The low half of the counter comes as the port's data, the
/// high half goes to RDX with the answer (``Processor/replyTimestamp(_:)``). No PC device has the
/// port.
public enum TimestampPort {
  /// The port's number; fits the one-byte form of IN.
  public static let number: UInt8 = 0xe4

  /// Whether an access is a read of the counter.
  public static func isRead(_ access: PortAccess) -> Bool {
    access.port == UInt16(number) && access.width == 4 && access.count == 1
  }
}

/// The register that reads as the timestamp counter: IA32_TIME_STAMP_COUNTER.
public enum TimestampMSR {
  /// The register's number.
  ///
  /// Intel SDM volume 4, table 2-2.
  public static let number: UInt32 = 0x10
}
