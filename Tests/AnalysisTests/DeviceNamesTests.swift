import Machine
import Testing

@testable import Analysis

/// The table of devices, held to the board itself.
@Suite struct DeviceNamesTests {
  private let devices = DeviceNames(board: "isa-v1")

  /// A board some ports of which have been written to, so that few registers read as all ones.
  private static let lively: Board = {
    var board = Board(configuration: BoardConfiguration())
    _ = board.writePort(0xcf8, width: 4, value: 0x8000_0000, at: .zero)
    _ = board.writePort(0x80, width: 1, value: 0x12, at: .zero)
    return board
  }()

  /// Whether anything answers at a port: a read that is not all ones, or a write with an effect.
  ///
  /// A write to a neighbour does not count: widths above a byte reach the next ports, so only the
  /// three registers that are wider are tried with them, by an access no byte of which acts.
  private static func answers(_ port: UInt16) -> Bool {
    for value: UInt64 in [0, 0xff] {
      var board = lively
      if board.readPort(port, width: 1, at: .zero) != 0xff || board != lively { return true }
      if board.writePort(port, width: 1, value: value, at: .zero) != .none { return true }
      if board != lively { return true }
    }
    for width: UInt8 in [2, 4] {
      // Data that no device takes for anything, byte by byte: 0x3400, soft-off, and an address.
      var board = lively
      var bytes = lively
      let value: UInt64 = width == 2 ? 0x2000 : 0x8000_1234
      let effect = board.writePort(port, width: width, value: value, at: .zero)
      var byteEffect = BoardEffect.none
      for index in 0..<UInt16(width) {
        let byte = value >> (8 * UInt64(index)) & 0xff
        let one = bytes.writePort(port &+ index, width: 1, value: byte, at: .zero)
        if byteEffect == .none { byteEffect = one }
      }
      if board != bytes || effect != byteEffect { return true }
    }
    return false
  }

  @Test func nameExactlyWhatTheBoardAnswers() throws {
    let devices = try #require(devices)
    let differing = (0...UInt16.max).filter { port in
      (devices.name(ofPort: UInt64(port)) != DeviceNames.none) != Self.answers(port)
    }
    // The absent keyboard controller's data port floats; its status port is answered.
    #expect(differing == [0x60])
  }

  @Test func namesDevices() throws {
    let devices = try #require(devices)
    #expect(
      devices.names == [
        "PIC1", "PIT", "i8042", "CMOS", "POST", "port92", "PIC2", "debug-console", "debug-exit",
        "COM1", "PM1", "PCI", "reset-control",
      ])
    #expect(devices.name(ofPort: 0x3fd) == "COM1" && devices.name(ofPort: 0xcfc) == "none")
    #expect(
      devices.name(ofPort: 0x1_03f8) == "none" && devices.name(ofAddress: 0xfee0_0000) == "none")
    #expect(devices.name(ofPort: 0xcf8) == "PCI" && devices.name(ofPort: 0xcfa) == "none")
    #expect(devices.name(ofPort: 0xe4) == "none")
    #expect(DeviceNames(board: "isa-v1", tsc: "patch")?.name(ofPort: 0xe4) == "TSC")
    #expect(DeviceNames(board: "q35") == nil)
  }
}
