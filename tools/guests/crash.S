// guest: entry=longMode64 load=0x10000 memory=2
// summary: Prints a line, then triple-faults.
#include "long.inc"

START
  SAY "crash: an invalid opcode with no interrupt table comes next\n"
  lidt nothing
  SETTLE
  ud2

  .section .rodata
nothing:
  .word 0
  .quad 0

LIBRARY
