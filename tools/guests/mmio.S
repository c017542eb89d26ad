// guest: entry=longMode64 load=0x10000 memory=4
// summary: Loads and stores of every width to an address that is not RAM, some split in two.
//
// The accesses across RAM's end assume the default of 4 MiB; with more RAM they stay in it.
#include "long.inc"

.set HOLE, 0xfed00000
.set RAM_END, 0x400000

// Prints a label and the low digits of RAX.
.macro RESULT text, digits
  SAY "\text "
  SAY_HEX \digits
  SAY "\n"
.endm

START
  SAY "mmio: hole at fed00000\n"
  mov $HOLE, %ebx
  mov $0x1122334455667788, %r12

  mov %r12b, (%rbx)
  mov %r12w, 2(%rbx)
  mov %r12d, 4(%rbx)
  mov %r12, 8(%rbx)
  movw $0xbeef, 0x10(%rbx)

  xor %eax, %eax
  mov (%rbx), %al
  RESULT "load 1", 2
  xor %eax, %eax
  mov 2(%rbx), %ax
  RESULT "load 2", 4
  mov 4(%rbx), %eax
  RESULT "load 4", 8
  mov 8(%rbx), %rax
  RESULT "load 8", 16
  movzbl 1(%rbx), %eax
  RESULT "load 1 zero-extended", 8
  movswq 6(%rbx), %rax
  RESULT "load 2 sign-extended", 16

  // One instruction, two exits: the load, then the store.
  mov $0x0102, %eax
  add %ax, 0x20(%rbx)
  incl 0x24(%rbx)
  orb $0x80, 0x28(%rbx)
  SETTLE
  mov $0x55, %eax
  xchg %eax, 0x2c(%rbx)
  RESULT "exchange", 8

  // Across a page inside the hole (the load's exits are 3 and 5 bytes wide), then across the end
  // of RAM, both ways.
  mov %r12, 0xffc(%rbx)
  mov 0xffd(%rbx), %rax
  RESULT "load across pages", 16
  mov $RAM_END, %ebp
  movl $0x0badcafe, -4(%rbp)
  mov %r12d, -2(%rbp)
  mov -3(%rbp), %eax
  RESULT "load across the end of RAM", 8
  mov -4(%rbp), %ax
  movzwl %ax, %eax
  RESULT "last word of RAM", 4

  // String forms: the hole into RAM, RAM into the hole, a fill.
  mov %ebx, %esi
  mov $buffer, %edi
  mov $9, %ecx
  rep movsb
  mov $buffer, %esi
  lea 0x40(%rbx), %edi
  mov $3, %ecx
  rep movsl
  lea 0x80(%rbx), %edi
  mov $4, %ecx
  mov %r12, %rax
  rep stosq
  mov buffer, %rax
  RESULT "copied", 16
  jmp finish

  .bss
  .balign 16
buffer:
  .skip 16

LIBRARY
