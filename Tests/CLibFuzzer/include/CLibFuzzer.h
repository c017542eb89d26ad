// What libFuzzer offers to programs that have a main function of their own.
#ifndef VMREEL_CLIBFUZZER_H
#define VMREEL_CLIBFUZZER_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));

#endif
