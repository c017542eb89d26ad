extension LoaderError {
  /// Whether the initrd is what is wrong, not the kernel.
  public var isOfInitrd: Bool {
    switch self {
    case .emptyInitrd, .notAnInitrd, .truncatedInitrd, .damagedInitrd, .initrdTooLarge: true
    default: false
    }
  }

  /// The sentences of what only the Linux loader meets.
  var linuxDescription: String {
    switch self {
    case .notLinux:
      "it is no Linux kernel (neither a bzImage nor an ELF file); give a vmlinuz or a vmlinux"
    case .kernelTooOld(let version):
      "it speaks boot protocol \(version >> 8).\(version & 0xff), but vmreel needs 2.10; "
        + "give Linux 2.6.31 or newer"
    case .unsupportedCompression(let name, let offset):
      "the kernel inside the bzImage (offset \(hex(offset))) is compressed with \(name), and only "
        + "LZ4, zstd and gzip can be unpacked; give the vmlinux itself"
    case .damagedPayload(let offset):
      "the compressed kernel at offset \(hex(offset)) of the bzImage is damaged; "
        + "copy the file again"
    case .payloadNotELF(let offset):
      "what the compressed kernel at offset \(hex(offset)) unpacks to is no ELF file; "
        + "give the vmlinux itself"
    case .noLinuxEntry:
      "the ELF file has neither a PVH entry point (note XEN_ELFNOTE_PHYS32_ENTRY) nor Linux's "
        + "banner; give a Linux kernel for x86-64"
    case .commandLineTooLong(let byteCount, let limit):
      "the command line has \(byteCount) bytes, but the kernel reads \(limit); shorten --append"
    case .emptyInitrd:
      "the initrd is empty; give a cpio archive"
    case .notAnInitrd:
      "the initrd is neither a cpio archive (newc) nor compressed by a method Linux knows; "
        + "make it with cpio -o -H newc"
    case .truncatedInitrd(let offset):
      "the initrd's cpio archive breaks off in the member at offset \(hex(offset)); "
        + "copy the file again"
    case .damagedInitrd(let compression):
      "the initrd's \(compression) data is damaged or breaks off; copy the file again"
    case .initrdTooLarge(let byteCount, let room):
      "the initrd has \(byteCount) bytes, but this kernel leaves room for \(room); "
        + "make it smaller"
    case .notPatchable(let reason):
      "its RDTSC instructions cannot be rewritten, as --tsc patch demands: \(reason)"
    default: "the kernel cannot be loaded"
    }
  }
}
