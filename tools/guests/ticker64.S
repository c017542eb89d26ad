// guest: entry=longMode64 load=0x10000 memory=2
// summary: Prints a line at each of ten ticks of a 100 Hz timer, in 64-bit mode.
#include "long.inc"

.set TICKS, 10

START
  cli
  SET_GATE 0x20, on_tick
  LOAD_IDT
  INIT_PIC 0xfe
  INIT_PIT_100HZ
  SAY "ticker64: 64-bit mode, 100 Hz\n"

// EBX is the number of ticks printed.
next:
  SETTLE
  sti
  hlt
  cli
  cmp ticks, %ebx
  je next
  inc %ebx
  SAY "tick "
  mov %ebx, %eax
  call putdec
  SAY "\n"
  cmp $TICKS, %ebx
  jne next
  jmp finish

on_tick:
  push %rax
  incl ticks
  EOI
  pop %rax
  iretq

  .bss
ticks:
  .skip 4

LIBRARY
