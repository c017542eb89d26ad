/// A kernel of a few instructions in an ELF file with a PVH note: it prints `>` and then every
/// byte it receives. What starts Linux starts it, and every KVM runs it.
enum EchoKernel {
  static var image: [UInt8] {
    let code: [UInt8] = [
      0x66, 0xba, 0xf8, 0x03,  // mov dx, 0x3f8
      0xb0, 0x3e, 0xee,  // mov al, '>'; out dx, al
      0xb2, 0xfd,  // mov dl, 0xfd: the line status
      0xec, 0xa8, 0x01, 0x74, 0xfb,  // in al, dx; test al, 1; jz back
      0xb2, 0xf8, 0xec, 0xee,  // mov dl, 0xf8; in al, dx; out dx, al
      0xb2, 0xfd, 0xeb, 0xf3,  // mov dl, 0xfd; jmp to the in
    ]
    let note = little(4, 4) + little(4, 4) + little(18, 4) + Array("Xen\0".utf8)
    let contents = note + little(address + 0x20, 4)
    var image = Array("\u{7f}ELF".utf8) + [2, 1, 1] + [UInt8](repeating: 0, count: 9)
    image += little(2, 2) + little(62, 2) + little(1, 4) + little(address + 0x20, 8)
    image += little(64, 8) + little(0, 8) + little(0, 4)
    image += little(64, 2) + little(56, 2) + little(2, 2) + little(0, 6)
    let segment = contents + [UInt8](repeating: 0, count: 0x20 - contents.count) + code
    for (type, count) in [(1, segment.count), (4, contents.count)] as [(UInt64, Int)] {
      image += little(type, 4) + little(5, 4) + little(176, 8)
      image += little(address, 8) + little(address, 8)
      image += little(UInt64(count), 8) + little(UInt64(count), 8) + little(4, 8)
    }
    return image + segment
  }

  private static let address: UInt64 = 0x10_0000

  private static func little(_ value: UInt64, _ byteCount: Int) -> [UInt8] {
    (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
  }
}
