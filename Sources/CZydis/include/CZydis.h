#ifndef CZYDIS_H
#define CZYDIS_H

#include <stddef.h>
#include <stdint.h>

// What vmreel asks of Zydis, with plain types: its own structures are large and change between
// releases.

// The operations somebody asks for by name.
enum {
  CZYDIS_OTHER = 0,
  CZYDIS_IN,
  CZYDIS_OUT,
  CZYDIS_INS,
  CZYDIS_OUTS,
  CZYDIS_HLT,
  CZYDIS_CPUID,
  CZYDIS_RDMSR,
  CZYDIS_WRMSR,
  CZYDIS_RDTSC,
  CZYDIS_RDTSCP,
  CZYDIS_RDPMC,
  CZYDIS_RDRAND,
  CZYDIS_RDSEED,
  CZYDIS_RDPID,
};

struct czydis_instruction {
  uint8_t length;           // bytes, 1 to 15
  uint8_t operation;        // CZYDIS_*
  uint8_t has_repeat;       // REP, REPE or REPNE that counts
};

// Decodes the instruction at the start of `bytes`; `bits` is 16, 32 or 64. 0 when there is none.
int czydis_decode(
    int bits, const void *bytes, size_t count, struct czydis_instruction *instruction);

// Writes the instruction in Intel syntax, NUL-terminated; 0 when there is none.
int czydis_format(
    int bits, const void *bytes, size_t count, uint64_t address, char *text, size_t capacity);

#endif
