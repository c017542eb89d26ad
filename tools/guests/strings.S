// guest: entry=longMode64 load=0x10000 memory=4
// summary: String port input and output of every width, over page borders and into a hole.
#include "long.inc"

.set HOLE, 0xfed00000
.set BUFFER, 0x200000


// ECX elements from a port into EDI.
.macro INS instruction, port, count, to
  mov $\port, %edx
  mov $\to, %edi
  mov $\count, %ecx
  SETTLE
  rep \instruction
.endm

START
  SAY "strings: one port, many elements\n"

  mov $text, %esi
  mov $(text_end - text), %ecx
  mov $UART_DATA, %edx
  rep outsb

  // 300 words and 150 doublewords of a pattern, from a place that crosses a page.
  mov $BUFFER, %edi
  mov $1500, %ecx
  mov $0x01020305, %eax
1:
  mov %eax, (%rdi)
  add $4, %rdi
  add $0x03050709, %eax
  dec %ecx
  jnz 1b
  mov $(BUFFER + 4096 - 200), %esi
  mov $300, %ecx
  mov $0x80, %edx
  rep outsw
  mov $(BUFFER + 4096 - 302), %esi
  mov $150, %ecx
  mov $0xe9, %edx
  rep outsl

  // More than 1024 elements, more than a page, a port that changes (the PIT's counter), and odd
  // places; then what was read counts.
  INIT_PIT_100HZ
  INS insb, 0x61, 1500, BUFFER + 0x10000 + 4000
  INS insw, 0x1f0, 1100, BUFFER + 0x11000 + 4095
  INS insl, 0xcfc, 1050, BUFFER + 0x13000 + 4093
  INS insb, 0x40, 40, BUFFER + 0x16000
  INS insb, UART_LSR, 3, BUFFER + 0x16100
  mov $(BUFFER + 0x10000), %esi
  mov $0x6000, %ecx
  SAY "sum "
  call checksum
  SAY_HEX 16
  SAY "\n"
  mov BUFFER + 0x16000, %rax
  SAY "counter "
  SAY_HEX 16
  SAY "\n"

  // Backwards; then into an address that is not RAM, where each REP INS makes exits of two kinds
  // (KVM gathers the stores, eight bytes at most in one), and out of it.
  std
  INS insw, 0x64, 20, BUFFER + 0x17000
  cld
  INS insb, 0x61, 5, HOLE
  INS insl, 0xcfc, 3, HOLE + 0x100
  mov $HOLE, %esi
  mov $4, %ecx
  mov $0x80, %edx
  rep outsb
  SAY "done\n"
  jmp finish

// RAX = a rotating sum of the ECX bytes at RSI, eight at a time.
checksum:
  xor %eax, %eax
  shr $3, %ecx
1:
  rol $5, %rax
  add (%rsi), %rax
  add $8, %rsi
  dec %ecx
  jnz 1b
  ret

  .section .rodata
text:
  .rept 16
  .ascii "All of this line left the guest through one REP OUTSB.\n"
  .endr
text_end:

LIBRARY
