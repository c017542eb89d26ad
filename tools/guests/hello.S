// guest: entry=longMode64 load=0x10000 memory=2
// summary: Prints a greeting on the serial port and ends.
#include "long.inc"

START
  SAY "Hello from inside a vmreel guest.\n"
  jmp finish

LIBRARY
