// guest: entry=longMode64 load=0x10000 memory=2
// summary: Prints a line, then counts for ever without an exit.
#include "long.inc"

START
  SAY "spin: for ever\n"
  sti // nothing comes, but Bochs' VT-x can stop only a guest with interrupts on
1:
  inc %rax
  mov %rax, counter
  jmp 1b

  .bss
  .balign 8
counter:
  .skip 8

LIBRARY
