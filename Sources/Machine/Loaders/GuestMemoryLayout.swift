/// Every fixed guest physical address the loaders and the runner use, each with its reason.
///
///     0x0000_0000  interrupt vector table       real mode reads its vectors here
///     0x0000_1000  boot loader's data           GDT, then either page tables or Multiboot facts
///     0x0000_8000  free for images              Linux: what it is told (boot_params or PVH facts)
///     0x0000_a000  free for images              Linux: its command line
///     0x0009_fc00  legacy hole to 1 MiB         plain RAM, but no kernel expects to own it
///     0x0010_0000  extended memory              kernels and their modules
///     0xc000_0000  device hole                  never RAM (GuestMemory.maximumMiB)
///     0xfeff_c000  KVM's own four pages         inside the device hole
public enum GuestMemoryLayout {
  /// The real-mode interrupt vector table: 256 far pointers, where the reset IDTR points.
  public static let interruptVectorTable: Range<UInt64> = 0..<0x400

  /// What loaders put into RAM beside the image; low, so that images linked at 1 MiB stay clear.
  public static let bootLoaderData: Range<UInt64> = 0x1000..<0x8000

  /// The GDT of guests that start in protected or 64-bit mode; three descriptors.
  public static let globalDescriptorTable: UInt64 = 0x1000

  /// The top page-table page of 64-bit guests, the first page after the GDT's.
  public static let pageMapLevel4: UInt64 = 0x2000
  /// The page-directory-pointer page of 64-bit guests, after the top page.
  public static let pageDirectoryPointers: UInt64 = 0x3000
  /// Four page directories, one for each GiB below 4 GiB; they end where the region ends.
  public static let pageDirectories: UInt64 = 0x4000

  /// The Multiboot information structure; Multiboot guests have no page tables, so it and what
  /// follows may use their room.
  public static let multibootInformation: UInt64 = 0x1100
  /// The Multiboot memory map: room for 21 entries.
  public static let multibootMemoryMap: UInt64 = 0x1200
  /// The Multiboot module list: room for ``maximumModules`` entries of 16 bytes.
  public static let multibootModuleList: UInt64 = 0x1400
  /// Multiboot's texts: loader name and command lines.
  public static let multibootTexts: Range<UInt64> = 0x1800..<0x8000
  /// How many modules the list has room for.
  public static let maximumModules = 64

  /// What Linux is told: boot_params (one page), or PVH's start information, module list and
  /// memory map.
  public static let linuxBootFacts: Range<UInt64> = 0x8000..<0x9000
  /// Linux's command line with the zero at its end.
  public static let linuxCommandLine: Range<UInt64> = 0xa000..<0x2_0000

  /// From the extended BIOS data area to 1 MiB: reserved in memory maps, as on every PC.
  public static let legacyHole: Range<UInt64> = 0x9_fc00..<0x10_0000

  /// Where memory above the legacy hole begins; modules are put there or above.
  public static let extendedMemory: UInt64 = 0x10_0000

  /// Where RAM never is, so that devices can be.
  public static let deviceHole: Range<UInt64> = 0xc000_0000..<0x1_0000_0000

  /// The page for KVM_SET_IDENTITY_MAP_ADDR: kvm-intel without unrestricted guest runs real mode
  /// on page tables of its own there.
  public static let identityMapPage: UInt64 = 0xfeff_c000
  /// The three pages for KVM_SET_TSS_ADDR, needed for the same reason.
  public static let taskStateSegment: UInt64 = 0xfeff_d000
  /// Both, for memory maps: guests must not put anything there.
  public static let hypervisorPages: Range<UInt64> = identityMapPage..<taskStateSegment + 0x3000
}
