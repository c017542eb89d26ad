/// What the invented guest prints, over and over.
enum ConsoleText {
  static let bytes = Array(
    """
    Linux version 6.1.0 (builder@synthetic) #1 SMP PREEMPT_DYNAMIC
    Command line: console=ttyS0 quiet lpj=4000000
    BIOS-provided physical RAM map:
     [mem 0x0000000000000000-0x000000000009fbff] usable
     [mem 0x0000000000100000-0x0000000003ffffff] usable
    tsc: Detected 2000.000 MHz processor
    Zone ranges: DMA [mem 0x0000000000001000-0x0000000000ffffff]
    Calibrating delay loop (skipped) preset value.. 2000.00 BogoMIPS (lpj=4000000)
    pci 0000:00:00.0: [8086:1237] type 00 class 0x060000
    pci 0000:00:01.1: reg 0x20: [io 0xc040-0xc04f]
    serial8250: ttyS0 at I/O 0x3f8 (irq = 4, base_baud = 115200) is a 16550A
    ata1.00: configured for MWDMA2
    EXT4-fs (sda1): mounted filesystem with ordered data mode. Quota mode: none.
    VFS: Mounted root (ext4 filesystem) readonly on device 8:1.
    Run /sbin/init as init process

    """.utf8)
}
