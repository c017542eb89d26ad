// guest: entry=longMode64 load=0x10000 memory=2
// summary: Reads and writes model-specific registers, those the runner answers and others.
//
// A refused access is a general protection fault: the handler steps over it and says so.
#include "long.inc"

.set PAT, 0x277
.set FS_BASE, 0xc0000100
.set KERNEL_GS_BASE, 0xc0000102

START
  cli
  SET_GATE 13, on_fault
  LOAD_IDT
  SAY "msr: index, value\n"

  mov $asked, %r12d
next:
  mov (%r12), %r13d
  cmp $0, %r13d
  je kept
  mov %r13d, %ecx
  call read
  mov %r13d, %ecx
  mov $0x01234567, %eax
  mov $0x89abcdef, %edx
  call write
  mov %r13d, %ecx
  call read
  add $4, %r12
  jmp next

// Registers the processor keeps itself: what is written must come back.
kept:
  mov $PAT, %ecx
  call read
  mov $PAT, %ecx
  mov $0x00070406, %eax
  mov $0x00070106, %edx
  call write
  mov $PAT, %ecx
  call read
  mov $FS_BASE, %ecx
  mov $0x00012340, %eax
  xor %edx, %edx
  call write
  mov $FS_BASE, %ecx
  call read
  mov $KERNEL_GS_BASE, %ecx
  mov $0x89abc000, %eax
  mov $0x00001234, %edx
  call write
  mov $KERNEL_GS_BASE, %ecx
  call read
  jmp finish

// Reads MSR ECX and prints "index value".
read:
  mov %ecx, %r14d
  movl $0, faults
  xor %eax, %eax
  xor %edx, %edx
  SETTLE
  rdmsr
  shl $32, %rdx
  mov %eax, %eax
  or %rdx, %rax
  mov %rax, %r15
  mov %r14d, %eax
  SAY_HEX 8
  mov $' ', %al
  call putc
  cmpl $0, faults
  jne 1f
  mov %r15, %rax
  SAY_HEX 16
  SAY "\n"
  ret
1:
  SAY "refused\n"
  ret

// Writes EDX:EAX to MSR ECX; says only when that is refused.
write:
  mov %ecx, %r14d
  movl $0, faults
  SETTLE
  wrmsr
  cmpl $0, faults
  jne 1f
  ret
1:
  mov %r14d, %eax
  SAY_HEX 8
  SAY " write refused\n"
  ret

// The error code is on top; RDMSR and WRMSR are two bytes long.
on_fault:
  incl faults
  addq $2, 8(%rsp)
  add $8, %rsp
  iretq

  .section .rodata
  .balign 4
// Platform id, feature control, microcode, platform info, misc enable, HWCR; then the end.
asked:
  .long 0x17, 0x3a, 0x8b, 0xce, 0x1a0, 0xc0010015, 0
  .bss
  .balign 4
faults:
  .skip 4

LIBRARY
