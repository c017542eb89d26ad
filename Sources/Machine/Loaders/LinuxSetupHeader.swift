/// The setup header of a bzImage: what the file says about itself (Linux/x86 boot protocol,
/// Documentation/arch/x86/boot.rst).
///
///     0x1f1  setup_sects        512-byte sectors of real-mode code after the first; 0 means 4
///     0x1f4  syssize            the protected-mode code, in units of 16 bytes
///     0x1fe  boot_flag 0xaa55
///     0x202  "HdrS"  0x206 version  0x211 loadflags  0x22c initrd_addr_max
///     0x230  kernel_alignment  0x234 relocatable_kernel  0x236 xloadflags  0x238 cmdline_size
///     0x248  payload_offset  0x24c payload_length  0x258 pref_address  0x260 init_size
struct LinuxSetupHeader: Equatable {
  /// Where the header lies, in the file and in boot_params alike.
  static let offset = 0x1f1
  /// The oldest version accepted: from it on `pref_address` and `init_size` say what memory the
  /// kernel needs.
  static let minimumVersion: UInt16 = 0x020a
  /// Where the room for the header ends in boot_params (`edd_mbr_sig_buffer` follows).
  static let maximumEnd = 0x290

  /// The header's bytes, from ``offset`` to the end that its jump instruction gives.
  let bytes: ArraySlice<UInt8>
  /// Where the protected-mode code lies in the file: from here to the file's end.
  let protectedModeCode: Range<Int>
  /// Whether there is a 64-bit entry point 0x200 bytes into the protected-mode code.
  let has64BitEntry: Bool
  /// Whether the code may be loaded elsewhere than at 1 MiB.
  let isRelocatable: Bool
  /// Where the kernel unpacks itself to when it is put there or lower.
  let preferredAddress: UInt64
  /// The memory the kernel needs from its load address on before it reads its memory map.
  let initByteCount: UInt64
  /// The last address an initrd may occupy.
  let maximumInitrdAddress: UInt64
  /// The longest command line in bytes, without the zero at its end.
  let maximumCommandLineByteCount: Int

  private let image: [UInt8]

  /// Whether a file has the magic numbers of a bzImage.
  static func isPresent(in image: [UInt8]) -> Bool {
    image.count >= 0x206 && Array(image[0x202..<0x206]) == Array("HdrS".utf8)
      && image[0x1fe] == 0x55 && image[0x1ff] == 0xaa
  }

  /// Reads and checks the header.
  ///
  /// - Throws: ``LoaderError`` when the file is no bzImage, is too old or is cut short.
  init(_ image: [UInt8]) throws(LoaderError) {
    guard !image.isEmpty else { throw .emptyImage }
    guard Self.isPresent(in: image) else { throw .notLinux }
    let fields = ImageFields(bytes: image)
    let version: UInt16 = try fields.read(at: 0x206, "the boot protocol version")
    guard version >= Self.minimumVersion else {
      throw .kernelTooOld(version: version)
    }
    let loadFlags: UInt8 = try fields.read(at: 0x211, "loadflags")
    guard loadFlags & 1 != 0 else {
      throw .invalidField(
        name: "loadflags", offset: 0x211, value: UInt64(loadFlags),
        expected: "odd (a bzImage, loaded at 1 MiB or above)")
    }
    let extendedFlags: UInt16 = try fields.read(at: 0x236, "xloadflags")
    has64BitEntry = version >= 0x020c && extendedFlags & 1 != 0
    isRelocatable = try fields.read(UInt8.self, at: 0x234, "relocatable_kernel") != 0
    preferredAddress = try fields.read(at: 0x258, "pref_address")
    initByteCount = UInt64(try fields.read(UInt32.self, at: 0x260, "init_size"))
    maximumInitrdAddress = UInt64(
      try fields.read(UInt32.self, at: 0x22c, "initrd_addr_max"))
    maximumCommandLineByteCount = Int(
      try fields.read(UInt32.self, at: 0x238, "cmdline_size"))
    bytes = try Self.headerBytes(fields)
    protectedModeCode = try Self.protectedModeCode(fields)
    self.image = image
  }

  /// The compressed kernel's place in the file.
  ///
  /// - Throws: ``LoaderError`` when it lies outside the file.
  func payload() throws(LoaderError) -> Range<Int> {
    let fields = ImageFields(bytes: image)
    let offset = UInt64(try fields.read(UInt32.self, at: 0x248, "payload_offset"))
    let length = UInt64(try fields.read(UInt32.self, at: 0x24c, "payload_length"))
    guard length > 8 else {
      throw .invalidField(
        name: "payload_length", offset: 0x24c, value: length, expected: "more than 8")
    }
    return try fields.range(
      at: UInt64(protectedModeCode.lowerBound) + offset, byteCount: length,
      "the compressed kernel")
  }

  /// The header ends where the two-byte jump at 0x200 lands.
  private static func headerBytes(_ fields: ImageFields) throws(LoaderError) -> ArraySlice<UInt8> {
    let jump: UInt8 = try fields.read(at: 0x201, "the setup header's size")
    let end = 0x202 + Int(jump)
    guard end >= 0x264, end <= Self.maximumEnd else {
      throw .invalidField(
        name: "the setup header's size", offset: 0x201, value: UInt64(jump),
        expected: "from 0x62 to \(hex(Self.maximumEnd - 0x202))")
    }
    let range = try fields.range(
      at: UInt64(offset), byteCount: UInt64(end - offset), "the setup header")
    return fields.bytes[range]
  }

  private static func protectedModeCode(_ fields: ImageFields) throws(LoaderError) -> Range<Int> {
    let sectors: UInt8 = try fields.read(at: 0x1f1, "setup_sects")
    let start = (UInt64(sectors == 0 ? 4 : sectors) + 1) * 512
    let paragraphs: UInt32 = try fields.read(at: 0x1f4, "syssize")
    guard paragraphs > 0 else {
      throw .invalidField(name: "syssize", offset: 0x1f4, value: 0, expected: "1 or more")
    }
    // The last unit of 16 bytes need not be full; a signature may follow.
    let least = UInt64(paragraphs) * 16 - 15
    let code = try fields.range(at: start, byteCount: least, "the kernel's protected-mode code")
    return code.lowerBound..<fields.bytes.count
  }
}
