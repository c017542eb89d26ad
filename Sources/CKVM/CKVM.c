#define _GNU_SOURCE
#include "CKVM.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

// The kernel's signal set: 64 bits, not glibc's 1024.
enum { kernel_sigset_bytes = 8, max_cpuid_entries = 256, max_msrs = 1024 };

static int result_of(long value) { return value < 0 ? -errno : (int)value; }

int ckvm_open(const char *path) { return result_of(open(path, O_RDWR | O_CLOEXEC)); }

int ckvm_call(int fd, unsigned long request, unsigned long argument) {
  return result_of(ioctl(fd, request, argument));
}

int ckvm_call_pointer(int fd, unsigned long request, void *argument) {
  return result_of(ioctl(fd, request, argument));
}

int ckvm_enable_cap(int fd, uint32_t capability, uint64_t argument) {
  struct kvm_enable_cap request = {.cap = capability};
  request.args[0] = argument;
  return ckvm_call_pointer(fd, KVM_ENABLE_CAP, &request);
}

// ---- CPUID ---------------------------------------------------------------------------------------

struct cpuid_request {
  uint32_t count;
  uint32_t padding;
  struct kvm_cpuid_entry2 entries[max_cpuid_entries];
};
_Static_assert(offsetof(struct cpuid_request, entries) == offsetof(struct kvm_cpuid2, entries),
               "cpuid_request must overlay kvm_cpuid2");

int ckvm_supported_cpuid(int fd, struct kvm_cpuid_entry2 *entries, uint32_t capacity) {
  struct cpuid_request request = {.count = max_cpuid_entries};
  int result = ckvm_call_pointer(fd, KVM_GET_SUPPORTED_CPUID, &request);
  if (result < 0) return result;
  uint32_t count = request.count < capacity ? request.count : capacity;
  memcpy(entries, request.entries, count * sizeof *entries);
  return (int)count;
}

int ckvm_set_cpuid(int fd, const struct kvm_cpuid_entry2 *entries, uint32_t count) {
  if (count > max_cpuid_entries) return -E2BIG;
  struct cpuid_request request = {.count = count};
  memcpy(request.entries, entries, count * sizeof *entries);
  return ckvm_call_pointer(fd, KVM_SET_CPUID2, &request);
}

// ---- MSRs ----------------------------------------------------------------------------------------

int ckvm_msr_index_list(int fd, uint32_t *indices, uint32_t capacity) {
  struct {
    uint32_t count;
    uint32_t indices[max_msrs];
  } request = {.count = max_msrs};
  int result = ckvm_call_pointer(fd, KVM_GET_MSR_INDEX_LIST, &request);
  if (result < 0) return result;
  uint32_t count = request.count < capacity ? request.count : capacity;
  memcpy(indices, request.indices, count * sizeof *indices);
  return (int)count;
}

struct msr_request {
  uint32_t count;
  uint32_t padding;
  struct kvm_msr_entry entries[max_msrs];
};
_Static_assert(offsetof(struct msr_request, entries) == offsetof(struct kvm_msrs, entries),
               "msr_request must overlay kvm_msrs");

int ckvm_get_msrs(int fd, struct kvm_msr_entry *entries, uint32_t count) {
  if (count > max_msrs) return -E2BIG;
  struct msr_request request;
  request.count = count;
  request.padding = 0;
  memcpy(request.entries, entries, count * sizeof *entries);
  int result = ckvm_call_pointer(fd, KVM_GET_MSRS, &request);
  if (result > 0) memcpy(entries, request.entries, (size_t)result * sizeof *entries);
  return result;
}

int ckvm_set_msrs(int fd, const struct kvm_msr_entry *entries, uint32_t count) {
  if (count > max_msrs) return -E2BIG;
  struct msr_request request;
  request.count = count;
  request.padding = 0;
  memcpy(request.entries, entries, count * sizeof *entries);
  return ckvm_call_pointer(fd, KVM_SET_MSRS, &request);
}

int ckvm_set_msr_filter(int fd, const struct ckvm_msr_range *ranges, uint32_t count) {
  if (count > KVM_MSR_FILTER_MAX_RANGES) return -E2BIG;
  struct kvm_msr_filter filter = {.flags = KVM_MSR_FILTER_DEFAULT_DENY};
  // KVM copies ceil(nmsrs / 8) bytes per bitmap and wants it padded to a long.
  uint8_t bitmaps[KVM_MSR_FILTER_MAX_RANGES][sizeof(long)] = {0};
  for (uint32_t index = 0; index < count; index++) {
    if (ranges[index].count == 0 || ranges[index].count > 8) return -EINVAL;
    bitmaps[index][0] = (uint8_t)((1u << ranges[index].count) - 1);
    filter.ranges[index] = (struct kvm_msr_filter_range){
        .flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
        .nmsrs = ranges[index].count,
        .base = ranges[index].base,
        .bitmap = bitmaps[index],
    };
  }
  return ckvm_call_pointer(fd, KVM_X86_SET_MSR_FILTER, &filter);
}

// ---- The timestamp counter -----------------------------------------------------------------------

static int tsc_offset_attribute(int vcpu_fd, unsigned long request, uint64_t *offset) {
  struct kvm_device_attr attribute = {
      .group = KVM_VCPU_TSC_CTRL,
      .attr = KVM_VCPU_TSC_OFFSET,
      .addr = (uint64_t)(uintptr_t)offset,
  };
  return ckvm_call_pointer(vcpu_fd, request, &attribute);
}

int ckvm_has_tsc_offset(int vcpu_fd) {
  return tsc_offset_attribute(vcpu_fd, KVM_HAS_DEVICE_ATTR, NULL);
}

int ckvm_set_tsc_offset(int vcpu_fd, uint64_t offset) {
  return tsc_offset_attribute(vcpu_fd, KVM_SET_DEVICE_ATTR, &offset);
}

uint64_t ckvm_tsc(void) {
  _mm_lfence();
  uint64_t value = __rdtsc();
  _mm_lfence();
  return value;
}

void ckvm_wait_for_tsc(uint64_t value) {
  while (__rdtsc() < value) _mm_pause();
}

// ---- Kicks ---------------------------------------------------------------------------------------

// The signal only breaks KVM_RUN. What it means is in flags that the run loop reads afterwards,
// so a spurious, merged or late signal does no harm.
static void ignore_kick(int signal) { (void)signal; }

static void install_handler(void) {
  struct sigaction action = {.sa_handler = ignore_kick, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(ckvm_kick_signal(), &action, NULL);
}

int ckvm_kick_signal(void) { return SIGRTMIN + 6; }

int ckvm_bind_thread(int vcpu_fd) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, install_handler);

  sigset_t kick, mask;
  sigemptyset(&kick);
  sigaddset(&kick, ckvm_kick_signal());
  int error = pthread_sigmask(SIG_BLOCK, &kick, &mask);
  if (error != 0) return -error;
  sigdelset(&mask, ckvm_kick_signal());

  struct {
    uint32_t length;
    uint8_t set[kernel_sigset_bytes];
  } request = {.length = kernel_sigset_bytes};
  memcpy(request.set, &mask, kernel_sigset_bytes);
  int result = ckvm_call_pointer(vcpu_fd, KVM_SET_SIGNAL_MASK, &request);
  return result < 0 ? result : (int)syscall(SYS_gettid);
}

int ckvm_kick(int tid) {
  return result_of(syscall(SYS_tgkill, getpid(), tid, ckvm_kick_signal()));
}

int ckvm_drain_kicks(void) {
  sigset_t kick;
  sigemptyset(&kick);
  sigaddset(&kick, ckvm_kick_signal());
  const struct timespec now = {0, 0};
  int count = 0;
  while (sigtimedwait(&kick, NULL, &now) > 0) count++;
  return count;
}

// The raw calls: glibc's timer_t is a pointer that hides the kernel's small integer.
int ckvm_timer_create(int tid) {
  struct sigevent event;
  memset(&event, 0, sizeof event);
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = ckvm_kick_signal();
  event._sigev_un._tid = tid;
  int timer = 0;
  int result = result_of(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer));
  return result < 0 ? result : timer;
}

int ckvm_timer_arm(int timer, uint64_t deadline) {
  // A zero time would disarm the timer.
  if (deadline == 0) deadline = 1;
  struct itimerspec setting = {
      .it_value = {.tv_sec = (time_t)(deadline / 1000000000u),
                   .tv_nsec = (long)(deadline % 1000000000u)},
  };
  return result_of(syscall(SYS_timer_settime, timer, TIMER_ABSTIME, &setting, NULL));
}

void ckvm_timer_delete(int timer) { syscall(SYS_timer_delete, timer); }

uint64_t ckvm_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// Not pthread_self(): a new thread often gets the address of one that has ended.
uint64_t ckvm_thread(void) {
  static _Atomic uint64_t last = 0;
  static _Thread_local uint64_t identity = 0;
  if (identity == 0) identity = ++last;
  return identity;
}

// ---- Tracepoints ---------------------------------------------------------------------------------

int ckvm_trace_open(uint64_t tracepoint) {
  struct perf_event_attr attributes = {
      .type = PERF_TYPE_TRACEPOINT,
      .size = sizeof attributes,
      .config = tracepoint,
      .sample_period = 1,
      .sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
      .disabled = 1,
      .use_clockid = 1,
      .clockid = CLOCK_MONOTONIC,
      // Never: the thread reads the ring itself, after each KVM_RUN.
      .watermark = 1,
      .wakeup_watermark = UINT32_MAX,
  };
  return result_of(
      syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

int ckvm_trace_share(int fd, int output) {
  return result_of(ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, output));
}

int ckvm_trace_enable(int fd) { return result_of(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)); }

uint64_t ckvm_ring_head(const void *ring) {
  const struct perf_event_mmap_page *page = ring;
  return __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
}

void ckvm_ring_release(void *ring, uint64_t tail) {
  struct perf_event_mmap_page *page = ring;
  __atomic_store_n(&page->data_tail, tail, __ATOMIC_RELEASE);
}
