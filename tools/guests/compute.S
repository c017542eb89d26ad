// guest: entry=longMode64 load=0x10000 memory=8
// summary: Computes for tens of milliseconds at a time without an exit, ticked at 100 Hz.
//
// Each round: a sieve (interrupts off), a xorshift generator scattering stores over 1 MiB
// (interrupts on) and a table-driven CRC of what they left (interrupts on). The number of ticks
// it prints depends on where the runner stopped it: a replay must print the same.
#include "long.inc"

.set ROUNDS, 6
.set SIEVE_BYTES, 4096
.set STORES, 5000
.set CRC_BYTES, 8192
.set SIEVE, 0x200000
.set SCATTER, 0x300000

START
  cli
  SET_GATE 0x20, on_tick
  LOAD_IDT
  INIT_PIC 0xfe
  INIT_PIT_100HZ
  SAY "compute: sieve, xorshift, CRC-32\n"
  call build_crc_table
  mov $0x2545f4914f6cdd1d, %r12

// R15D: the round; R12: the generator's state.
round:
  cli
  inc %r15d
  SAY "round "
  mov %r15d, %eax
  call putdec
  call sieve
  SAY ": primes "
  call putdec
  SETTLE
  sti
  call scatter
  SAY ", xorshift "
  mov %r12, %rax
  SAY_HEX 16
  call crc
  SAY ", crc "
  SAY_HEX 8
  SAY "\n"
  cmp $ROUNDS, %r15d
  jne round
  cli
  SAY "ticks "
  mov ticks, %eax
  call putdec
  SAY "\n"
  jmp finish

// EAX = the number of primes below SIEVE_BYTES; marks composites with the round.
sieve:
  mov $SIEVE, %edi
  mov $(SIEVE_BYTES / 8), %ecx
  xor %eax, %eax
  rep stosq
  mov $2, %ebx
1:
  cmpb $0, SIEVE(%rbx)
  jne 3f
  inc %eax
  lea (%rbx, %rbx), %ecx
2:
  cmp $SIEVE_BYTES, %ecx
  jae 3f
  mov %r15b, SIEVE(%rcx)
  add %ebx, %ecx
  jmp 2b
3:
  inc %ebx
  cmp $SIEVE_BYTES, %ebx
  jne 1b
  ret

// Steps the generator STORES times; each result goes to a quadword chosen by itself.
scatter:
  mov $STORES, %ecx
1:
  mov %r12, %rax
  shl $13, %rax
  xor %rax, %r12
  mov %r12, %rax
  shr $7, %rax
  xor %rax, %r12
  mov %r12, %rax
  shl $17, %rax
  xor %rax, %r12
  mov %r12d, %ebx
  and $0xffff8, %ebx
  mov %r12, SCATTER(%rbx)
  dec %ecx
  jnz 1b
  ret

// EAX = the CRC-32 of the sieve and of as many scattered bytes, half of CRC_BYTES each.
crc:
  mov $0xffffffff, %eax
  mov $SIEVE, %esi
  mov $(CRC_BYTES / 2), %ecx
  call crc_run
  mov $SCATTER, %esi
  mov $(CRC_BYTES / 2), %ecx
  call crc_run
  not %eax
  ret
crc_run:
  movzbl (%rsi), %ebx
  xor %al, %bl
  shr $8, %eax
  xor crc_table(, %rbx, 4), %eax
  inc %esi
  dec %ecx
  jnz crc_run
  ret

build_crc_table:
  xor %ebx, %ebx
1:
  mov %ebx, %eax
  mov $8, %ecx
2:
  shr $1, %eax
  jnc 3f
  xor $0xedb88320, %eax
3:
  dec %ecx
  jnz 2b
  mov %eax, crc_table(, %rbx, 4)
  inc %ebx
  cmp $256, %ebx
  jne 1b
  ret

on_tick:
  push %rax
  incl ticks
  EOI
  pop %rax
  iretq

  .bss
  .balign 8
ticks:
  .skip 4
crc_table:
  .skip 256 * 4

LIBRARY
