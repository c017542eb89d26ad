#pragma once

// How often the calling thread has asked malloc, calloc, realloc or posix_memalign for memory, or
// -1 where the allocator cannot be counted (sanitizers, other C libraries).
long vmreel_allocation_count(void);
