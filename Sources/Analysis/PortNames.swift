/// What the I/O ports of a PC are called, by their data sheets.
public enum PortNames {
  /// The port read that stands for a rewritten RDTSC.
  static let timestampName = "TSC (rewritten RDTSC)"
  /// The port that rewritten RDTSC instructions read.
  static let timestampPort: UInt64 = 0xe4

  /// The name of a port as it acts for a write or a read, or `nil` for one without a name.
  public static func name(of port: UInt64, isWrite: Bool) -> String? {
    for (base, name) in serialPorts where port >= base && port < base + 8 {
      return name + " " + serialRegister(Int(port - base), isWrite: isWrite)
    }
    switch port {
    case 0x00...0x1f: return "DMA1"
    case 0x20: return "PIC1 command"
    case 0x21: return "PIC1 data"
    case 0x40...0x42: return "PIT counter \(port - 0x40)"
    case 0x43: return "PIT mode"
    case 0x60: return "keyboard data"
    case 0x61: return "system control B"
    case 0x64: return isWrite ? "keyboard command" : "keyboard status"
    case 0x70: return "CMOS index"
    case 0x71: return "CMOS data"
    case 0x80: return "POST"
    case 0x81...0x8f: return "DMA page"
    case 0x92: return "system control A"
    case 0xa0: return "PIC2 command"
    case 0xa1: return "PIC2 data"
    case 0xc0...0xdf: return "DMA2"
    default: return boardName(of: port, isWrite: isWrite)
    }
  }

  private static func boardName(of port: UInt64, isWrite: Bool) -> String? {
    switch port {
    case timestampPort: isWrite ? nil : timestampName
    case 0xe9: "debug console"
    case 0xed: "I/O delay"
    case 0xf4: "debug exit"
    case 0x1f0...0x1f7: "IDE primary"
    case 0x170...0x177: "IDE secondary"
    case 0x378...0x37a: "LPT1"
    case 0x3b4, 0x3d4: "CRTC index"
    case 0x3b5, 0x3d5: "CRTC data"
    case 0x3c0...0x3cf: "VGA"
    case 0x3f0...0x3f7: "floppy"
    case 0x402: "firmware debug"
    case 0x4d0: "ELCR1"
    case 0x4d1: "ELCR2"
    case 0x501: "debug exit (0x501)"
    case 0x510, 0x511: "fw_cfg"
    case 0x600...0x603: "PM1 event"
    case 0x604: "PM1 control"
    case 0x608: "PM timer"
    case 0xb004, 0xb008: "PM (PIIX)"
    case 0xcf8: "PCI address"
    case 0xcf9: "reset control"
    case 0xcfa: "PCI bus (mechanism 2)"
    case 0xcfc...0xcff: "PCI data"
    default: nil
    }
  }

  private static let serialPorts: [(base: UInt64, name: String)] = [
    (0x3f8, "COM1"), (0x2f8, "COM2"), (0x3e8, "COM3"), (0x2e8, "COM4"),
  ]

  /// The 16550's register; offsets 0 and 1 are the divisor latch while DLAB is set.
  private static func serialRegister(_ offset: Int, isWrite: Bool) -> String {
    switch offset {
    case 0: isWrite ? "THR" : "RBR"
    case 1: "IER"
    case 2: isWrite ? "FCR" : "IIR"
    case 3: "LCR"
    case 4: "MCR"
    case 5: "LSR"
    case 6: "MSR"
    default: "SCR"
    }
  }
}
