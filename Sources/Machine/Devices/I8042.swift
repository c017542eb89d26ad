/// The answers of a PC without a keyboard controller, except that its reset pulse works.
///
/// Both ports float (Linux gives up on "no controller" after a few reads of status 0xff), but
/// software that ends a run through the keyboard controller is understood.
///
/// Threats: no state, no sizes.
package struct I8042: Equatable, Sendable {
  /// The ports (IBM PC AT Technical Reference, Keyboard Controller).
  enum Register: UInt16, Sendable {
    case data = 0x60
    case command = 0x64
  }

  /// Makes the absent controller.
  package init() {}

  /// Reads data or status: an empty bus.
  package func read(_: UInt16) -> UInt8 { 0xff }

  /// Writes data or a command.
  ///
  /// - Returns: whether this pulses the processor's reset line: commands 0xf0–0xff pulse the
  ///   output bits whose command bits are 0, and output bit 0 is reset.
  package func write(_ port: UInt16, _ value: UInt8) -> Bool {
    Register(rawValue: port) == .command && value & 0xf1 == 0xf0
  }
}
