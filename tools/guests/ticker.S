// guest: entry=realMode load=0x8000 memory=1
// summary: Prints a line at each of ten ticks of a 100 Hz timer, in real mode.
#include "real.inc"

.set TICKS, 10

START
  cli
  movw $on_tick, 4 * 0x20
  movw $0, 4 * 0x20 + 2
  INIT_PIC 0xfe
  INIT_PIT_100HZ
  mov $greeting, %si
  call puts

// BX is the number of ticks printed.
next:
  SETTLE
  sti
  hlt
  cli
  cmp ticks, %bx
  je next
  inc %bx
  mov $label, %si
  call puts
  mov %bx, %ax
  call putdec
  mov $'\n', %al
  call putc
  cmp $TICKS, %bx
  jne next
  jmp finish

on_tick:
  push %ax
  incw ticks
  EOI
  pop %ax
  iretw

LIBRARY

ticks:
  .word 0
greeting:
  .asciz "ticker: real mode, 100 Hz\n"
label:
  .asciz "tick "
