// guest: entry=longMode64 load=0x10000 memory=16
// summary: Writes, copies and zeroes pages over several MiB, with an exit between rounds.
#include "long.inc"

.set ROUNDS, 8
.set REGION, 0x200000
.set PAGES, 1024
.set PAGE, 4096

START
  SAY "churn: 1024 pages\n"
  mov $0x9e3779b97f4a7c15, %r12

// R15D: the round.
round:
  inc %r15d

  // Sparse: three quadwords of every page with (page + round) a multiple of 4.
  mov $REGION, %edi
  xor %ecx, %ecx
1:
  lea (%rcx, %r15), %eax
  bt $0, %eax
  jc 2f
  bt $1, %eax
  jc 2f
  call random
  mov %rax, (%rdi)
  mov %rcx, 0x800(%rdi)
  mov %r15, 0xff8(%rdi)
2:
  add $PAGE, %edi
  inc %ecx
  cmp $PAGES, %ecx
  jne 1b

  // Dense: one page of random numbers at page 32 × round, and 15 identical copies after it.
  mov %r15d, %ebx
  shl $17, %ebx
  add $REGION, %ebx
  mov $(PAGE / 8), %ecx
  mov %ebx, %edi
3:
  call random
  stosq
  dec %ecx
  jnz 3b
  mov %ebx, %esi
  mov $(15 * PAGE / 8), %ecx
  rep movsq

  // Zero again: 8 pages of the round before.
  mov %ebx, %edi
  sub $(1 << 17), %edi
  mov $(8 * PAGE / 8), %ecx
  xor %eax, %eax
  rep stosq

  call checksum
  push %rax
  SAY "round "
  mov %r15d, %eax
  call putdec
  SAY " sum "
  pop %rax
  SAY_HEX 16
  SAY "\n"
  cmp $ROUNDS, %r15d
  jne round
  jmp finish

// RAX = the next number of a 64-bit xorshift generator (state in R12).
random:
  mov %r12, %rax
  shl $13, %rax
  xor %rax, %r12
  mov %r12, %rax
  shr $7, %rax
  xor %rax, %r12
  mov %r12, %rax
  shl $17, %rax
  xor %rax, %r12
  mov %r12, %rax
  ret

// RAX = a rotating sum over four quadwords of every page.
checksum:
  mov $REGION, %esi
  mov $PAGES, %ecx
  xor %eax, %eax
1:
  rol $7, %rax
  add (%rsi), %rax
  add 0x400(%rsi), %rax
  add 0x800(%rsi), %rax
  add 0xff8(%rsi), %rax
  add $PAGE, %esi
  dec %ecx
  jnz 1b
  ret

LIBRARY
