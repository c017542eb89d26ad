#include "CZydis.h"

#include <Zydis/Zydis.h>

static int prepare(ZydisDecoder *decoder, int bits) {
  switch (bits) {
  case 16:
    return ZYAN_SUCCESS(
        ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16));
  case 32:
    return ZYAN_SUCCESS(
        ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32));
  case 64:
    return ZYAN_SUCCESS(
        ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64));
  default:
    return 0;
  }
}

static uint8_t operation_of(ZydisMnemonic mnemonic) {
  switch (mnemonic) {
  case ZYDIS_MNEMONIC_IN: return CZYDIS_IN;
  case ZYDIS_MNEMONIC_OUT: return CZYDIS_OUT;
  case ZYDIS_MNEMONIC_INSB:
  case ZYDIS_MNEMONIC_INSW:
  case ZYDIS_MNEMONIC_INSD: return CZYDIS_INS;
  case ZYDIS_MNEMONIC_OUTSB:
  case ZYDIS_MNEMONIC_OUTSW:
  case ZYDIS_MNEMONIC_OUTSD: return CZYDIS_OUTS;
  case ZYDIS_MNEMONIC_HLT: return CZYDIS_HLT;
  case ZYDIS_MNEMONIC_CPUID: return CZYDIS_CPUID;
  case ZYDIS_MNEMONIC_RDMSR: return CZYDIS_RDMSR;
  case ZYDIS_MNEMONIC_WRMSR: return CZYDIS_WRMSR;
  case ZYDIS_MNEMONIC_RDTSC: return CZYDIS_RDTSC;
  case ZYDIS_MNEMONIC_RDTSCP: return CZYDIS_RDTSCP;
  case ZYDIS_MNEMONIC_RDPMC: return CZYDIS_RDPMC;
  case ZYDIS_MNEMONIC_RDRAND: return CZYDIS_RDRAND;
  case ZYDIS_MNEMONIC_RDSEED: return CZYDIS_RDSEED;
  case ZYDIS_MNEMONIC_RDPID: return CZYDIS_RDPID;
  default: return CZYDIS_OTHER;
  }
}

int czydis_decode(
    int bits, const void *bytes, size_t count, struct czydis_instruction *instruction) {
  ZydisDecoder decoder;
  ZydisDecodedInstruction decoded;
  if (!prepare(&decoder, bits) ||
      !ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, bytes, count, &decoded)))
    return 0;
  instruction->length = decoded.length;
  instruction->operation = operation_of(decoded.mnemonic);
  instruction->has_repeat =
      (decoded.attributes &
       (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE)) != 0;
  return 1;
}

int czydis_format(
    int bits, const void *bytes, size_t count, uint64_t address, char *text, size_t capacity) {
  ZydisDecoder decoder;
  ZydisFormatter formatter;
  ZydisDecodedInstruction decoded;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  return prepare(&decoder, bits) &&
         ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, count, &decoded, operands)) &&
         ZYAN_SUCCESS(ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL)) &&
         ZYAN_SUCCESS(ZydisFormatterFormatInstruction(
             &formatter, &decoded, operands, decoded.operand_count_visible, text, capacity,
             address, NULL));
}
