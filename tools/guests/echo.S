// guest: entry=longMode64 load=0x10000 memory=2 interactive
// summary: Echoes serial input with vowels in upper case and digits summed, until a line ends.
//
// The receiver interrupts (IRQ 4); the guest sleeps in HLT between characters. A newline, a
// carriage return or EOT (0x04) ends it.
#include "long.inc"

START
  cli
  SET_GATE 0x24, on_receive
  LOAD_IDT
  INIT_PIC 0xef
  mov $UART_MCR, %edx
  mov $0x0b, %al
  out %al, %dx
  mov $UART_IER, %edx
  mov $1, %al
  out %al, %dx
  SAY "echo: type a line\n"

// EBX: characters taken from the ring; R12D: vowels; R13D: sum of the digits; R14D: others.
next:
  cli
  cmp %ebx, received
  jne take
  SETTLE
  sti
  hlt
  jmp next

take:
  movzbl %bl, %eax
  movzbl ring(%rax), %eax
  inc %ebx
  cmp $'\n', %al
  je end
  cmp $'\r', %al
  je end
  cmp $4, %al
  je end
  mov %eax, %ecx
  sub $'0', %ecx
  cmp $9, %ecx
  jbe digit
  mov $vowels, %esi
1:
  mov (%rsi), %cl
  inc %rsi
  cmp $0, %cl
  je other
  cmp %cl, %al
  jne 1b
  sub $0x20, %al
  inc %r12d
  jmp show
digit:
  add %ecx, %r13d
  jmp show
other:
  inc %r14d
show:
  call putc
  jmp next

end:
  SAY "\ncharacters "
  lea -1(%rbx), %eax
  call putdec
  SAY ", vowels "
  mov %r12d, %eax
  call putdec
  SAY ", others "
  mov %r14d, %eax
  call putdec
  SAY ", sum of digits "
  mov %r13d, %eax
  call putdec
  SAY "\n"
  jmp finish

// Empties the receiver into the ring of 256 bytes, unless the ring is full.
on_receive:
  push %rax
  push %rcx
  push %rdx
  mov $UART_IIR, %edx
  in %dx, %al
1:
  mov received, %ecx
  mov %ecx, %eax
  sub %ebx, %eax
  cmp $256, %eax
  jae 2f
  mov $UART_LSR, %edx
  in %dx, %al
  bt $0, %eax
  jnc 2f
  mov $UART_DATA, %edx
  SETTLE
  in %dx, %al
  movzbl %cl, %ecx
  mov %al, ring(%rcx)
  incl received
  jmp 1b
2:
  EOI
  pop %rdx
  pop %rcx
  pop %rax
  iretq

  .section .rodata
vowels:
  .asciz "aeiou"
  .bss
received:
  .skip 4
ring:
  .skip 256

LIBRARY
