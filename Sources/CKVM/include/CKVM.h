// The C side of vmreel's KVM layer: what Swift cannot import (variadic ioctl, _IO* macros,
// flexible array members, signal handlers) and nothing else.
//
// Every function that can fail returns a value >= 0, or -errno read before anything else can run.
#ifndef CKVM_H
#define CKVM_H

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

// ---- Calls -------------------------------------------------------------------------------------

/// open(path, O_RDWR | O_CLOEXEC).
int ckvm_open(const char *path);
/// ioctl with an integer argument.
int ckvm_call(int fd, unsigned long request, unsigned long argument);
/// ioctl with a pointer argument.
int ckvm_call_pointer(int fd, unsigned long request, void *argument);

// ---- Requests whose macros Swift cannot import ---------------------------------------------------

static const unsigned long CKVM_GET_API_VERSION = KVM_GET_API_VERSION;
static const unsigned long CKVM_CREATE_VM = KVM_CREATE_VM;
static const unsigned long CKVM_CHECK_EXTENSION = KVM_CHECK_EXTENSION;
static const unsigned long CKVM_GET_VCPU_MMAP_SIZE = KVM_GET_VCPU_MMAP_SIZE;
static const unsigned long CKVM_CREATE_VCPU = KVM_CREATE_VCPU;
static const unsigned long CKVM_GET_DIRTY_LOG = KVM_GET_DIRTY_LOG;
static const unsigned long CKVM_SET_USER_MEMORY_REGION = KVM_SET_USER_MEMORY_REGION;
static const unsigned long CKVM_SET_TSS_ADDR = KVM_SET_TSS_ADDR;
static const unsigned long CKVM_SET_IDENTITY_MAP_ADDR = KVM_SET_IDENTITY_MAP_ADDR;
static const unsigned long CKVM_RUN = KVM_RUN;
static const unsigned long CKVM_GET_REGS = KVM_GET_REGS;
static const unsigned long CKVM_SET_REGS = KVM_SET_REGS;
static const unsigned long CKVM_GET_SREGS = KVM_GET_SREGS;
static const unsigned long CKVM_SET_SREGS = KVM_SET_SREGS;
static const unsigned long CKVM_INTERRUPT = KVM_INTERRUPT;
static const unsigned long CKVM_GET_FPU = KVM_GET_FPU;
static const unsigned long CKVM_SET_FPU = KVM_SET_FPU;
static const unsigned long CKVM_GET_XSAVE = KVM_GET_XSAVE;
static const unsigned long CKVM_SET_XSAVE = KVM_SET_XSAVE;
static const unsigned long CKVM_GET_XCRS = KVM_GET_XCRS;
static const unsigned long CKVM_SET_XCRS = KVM_SET_XCRS;
static const unsigned long CKVM_GET_MP_STATE = KVM_GET_MP_STATE;
static const unsigned long CKVM_SET_MP_STATE = KVM_SET_MP_STATE;
static const unsigned long CKVM_GET_VCPU_EVENTS = KVM_GET_VCPU_EVENTS;
static const unsigned long CKVM_SET_VCPU_EVENTS = KVM_SET_VCPU_EVENTS;
static const unsigned long CKVM_GET_DEBUGREGS = KVM_GET_DEBUGREGS;
static const unsigned long CKVM_SET_DEBUGREGS = KVM_SET_DEBUGREGS;
static const unsigned long CKVM_SET_GUEST_DEBUG = KVM_SET_GUEST_DEBUG;
static const unsigned long CKVM_TRANSLATE = KVM_TRANSLATE;
static const unsigned long CKVM_GET_STATS_FD = KVM_GET_STATS_FD;
static const unsigned long CKVM_GET_TSC_KHZ = KVM_GET_TSC_KHZ;
static const unsigned long CKVM_SET_TSC_KHZ = KVM_SET_TSC_KHZ;

static const uint32_t CKVM_SYNC_REGS = KVM_SYNC_X86_REGS;

// ---- The shared run page -------------------------------------------------------------------------

// The members of kvm_run that Swift would reach only through tuples of hundreds of bytes.
static inline struct kvm_regs *ckvm_sync_regs(struct kvm_run *run) { return &run->s.regs.regs; }
static inline uint8_t *ckvm_mmio_data(struct kvm_run *run) { return run->mmio.data; }

// ---- Requests with flexible arrays ---------------------------------------------------------------

/// KVM_ENABLE_CAP with the first argument.
int ckvm_enable_cap(int fd, uint32_t capability, uint64_t argument);
/// KVM_GET_SUPPORTED_CPUID; returns the number of entries.
int ckvm_supported_cpuid(int fd, struct kvm_cpuid_entry2 *entries, uint32_t capacity);
/// KVM_SET_CPUID2.
int ckvm_set_cpuid(int fd, const struct kvm_cpuid_entry2 *entries, uint32_t count);
/// KVM_GET_MSR_INDEX_LIST; returns the number of indices.
int ckvm_msr_index_list(int fd, uint32_t *indices, uint32_t capacity);
/// KVM_GET_MSRS; returns how many of the entries were filled in.
int ckvm_get_msrs(int fd, struct kvm_msr_entry *entries, uint32_t count);
/// KVM_SET_MSRS; returns how many of the entries were accepted.
int ckvm_set_msrs(int fd, const struct kvm_msr_entry *entries, uint32_t count);

/// KVM_HAS_DEVICE_ATTR for a vCPU's TSC offset; 0 when there is the attribute.
int ckvm_has_tsc_offset(int vcpu_fd);
/// KVM_SET_DEVICE_ATTR with KVM_VCPU_TSC_OFFSET: what is added to the scaled TSC of the host.
int ckvm_set_tsc_offset(int vcpu_fd, uint64_t offset);

/// A run of MSRs the guest may touch without an exit.
struct ckvm_msr_range {
  uint32_t base;
  uint32_t count; // 1–8
};
/// KVM_X86_SET_MSR_FILTER, default deny, reads and writes of the ranges allowed.
int ckvm_set_msr_filter(int fd, const struct ckvm_msr_range *ranges, uint32_t count);

// ---- Kicks ---------------------------------------------------------------------------------------

/// The real-time signal that stops a vCPU thread.
int ckvm_kick_signal(void);
/// Installs the no-op handler (once per process), blocks the kick signal in this thread and
/// unblocks it inside KVM_RUN of the vCPU (KVM_SET_SIGNAL_MASK). Returns the thread's id.
int ckvm_bind_thread(int vcpu_fd);
/// Sends the kick signal to a thread of this process (tgkill).
int ckvm_kick(int tid);
/// Takes every pending kick signal of this thread; returns how many there were.
int ckvm_drain_kicks(void);

/// A one-shot CLOCK_MONOTONIC timer that kicks the thread; returns its id (>= 0).
int ckvm_timer_create(int tid);
/// Arms the timer for an absolute time in nanoseconds.
int ckvm_timer_arm(int timer, uint64_t deadline);
/// Deletes the timer.
void ckvm_timer_delete(int timer);

/// CLOCK_MONOTONIC in nanoseconds.
uint64_t ckvm_now(void);
/// The host's timestamp counter, read after everything before and before everything after.
uint64_t ckvm_tsc(void);
/// Spins until the host's timestamp counter has reached a value.
void ckvm_wait_for_tsc(uint64_t value);
/// An identity of the calling thread, never 0 or used again; costs no system call.
uint64_t ckvm_thread(void);

// ---- Tracepoints ---------------------------------------------------------------------------------

/// A disabled perf event on a tracepoint of the calling thread, every hit a sample of
/// { u64 CLOCK_MONOTONIC time, u32 size, raw record }; returns its descriptor.
int ckvm_trace_open(uint64_t tracepoint);
/// Sends an event's samples to the ring of another (PERF_EVENT_IOC_SET_OUTPUT).
int ckvm_trace_share(int fd, int output);
/// Starts an event (PERF_EVENT_IOC_ENABLE).
int ckvm_trace_enable(int fd);
/// Where the kernel will write next, in bytes since the beginning; what lies before may be read.
uint64_t ckvm_ring_head(const void *ring);
/// Gives the kernel back what lies before `tail`.
void ckvm_ring_release(void *ring, uint64_t tail);

#endif
