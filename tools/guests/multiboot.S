// guest: entry=multiboot load=0x100000 memory=4
// summary: A Multiboot kernel that prints its command line, memory and first module.
#include "ports.inc"

.set MAGIC, 0x1badb002
.set FLAGS, 3
.set LOADED_BY, 0x2badb002

// Prints a text: SAY "words\n".
.macro SAY text:vararg
  .pushsection .rodata
9:
  .asciz \text
  .popsection
  mov $9b, %esi
  call puts
.endm

  .section .multiboot, "ax"
  .balign 4
  .long MAGIC, FLAGS, -(MAGIC + FLAGS)

  .code32
  .text
  .globl start
start:
  mov $stack_end, %esp
  mov %eax, %edi
  xor %eax, %eax
  xor %ecx, %ecx
  xor %edx, %edx
  xor %esi, %esi
  xor %ebp, %ebp
  SETTLE
  cld
  cmp $LOADED_BY, %edi
  je 1f
  SAY "multiboot: wrong magic in EAX\n"
  jmp finish
1:
  SAY "multiboot: loaded by "
  mov 64(%ebx), %esi
  call puts
  SAY "\ncommand line: "
  mov 16(%ebx), %esi
  call puts
  SAY "\nupper memory KiB: "
  mov 8(%ebx), %eax
  call putdec
  SAY "\nmodules: "
  mov 20(%ebx), %eax
  call putdec
  SAY "\n"
  cmpl $0, 20(%ebx)
  je finish
  mov 24(%ebx), %ebp
  SAY "first module ("
  mov 8(%ebp), %esi
  call puts
  SAY "): "
  mov (%ebp), %esi
2:
  cmp 4(%ebp), %esi
  jae 3f
  lodsb
  call putc
  jmp 2b
3:
  SAY "\n"
  jmp finish

// AL to the UART, polling LSR's THRE (bit 5: doubled twice it is the sign).
putc:
  SETTLE
  push %edx
  push %eax
  mov $UART_LSR, %edx
1:
  in %dx, %al
  add %al, %al
  add %al, %al
  jns 1b
  pop %eax
  mov $UART_DATA, %edx
  out %al, %dx
  pop %edx
  ret

// The zero-terminated text at ESI.
puts:
  lodsb
  cmp $0, %al
  je 1f
  call putc
  jmp puts
1:
  ret

// EAX in decimal.
putdec:
  push %ebx
  xor %ecx, %ecx
  mov $10, %ebx
1:
  xor %edx, %edx
  div %ebx
  push %edx
  inc %ecx
  cmp $0, %eax
  jne 1b
2:
  pop %eax
  add $'0', %al
  call putc
  dec %ecx
  jnz 2b
  pop %ebx
  ret

// Ends the run through the exit device.
finish:
  xor %eax, %eax
  SETTLE
  mov $EXIT_PORT, %edx
  out %eax, %dx
1:
  cli
  hlt
  jmp 1b

  .bss
  .balign 16
  .skip 4096
stack_end:
