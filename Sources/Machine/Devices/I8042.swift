/// The answers of a PC without a keyboard controller, except that its reset pulse works.
///
/// The data port floats, and the status reads as if a byte were always waiting: Linux gives up on
/// "no controller" after a few reads. Software that ends a run through the controller is
/// understood, and finds it ready for a command: were that bit to float too, Linux would poll it
/// 65 536 times before each reset.
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

  /// Reads data or status: all ones, but for status bit 1, "input buffer full".
  package func read(_ port: UInt16) -> UInt8 {
    Register(rawValue: port) == .command ? 0xfd : 0xff
  }

  /// Writes data or a command.
  ///
  /// - Returns: whether this pulses the processor's reset line: commands 0xf0–0xff pulse the
  ///   output bits whose command bits are 0, and output bit 0 is reset.
  package func write(_ port: UInt16, _ value: UInt8) -> Bool {
    Register(rawValue: port) == .command && value & 0xf1 == 0xf0
  }
}
