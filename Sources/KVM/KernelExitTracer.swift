internal import CKVM
internal import Machine

#if canImport(Glibc)
  internal import Glibc
#endif

/// Every exit of a vCPU as the kernel's tracepoints tell it, read by the vCPU's own thread.
///
/// The tracepoints fire in that thread, so after KVM_RUN has returned everything about the run is
/// in the ring. Records are put together to one ``KernelExit`` each: entry, exit, the address of
/// a nested-paging fault, and whether KVM_RUN returned.
@safe
final class KernelExitTracer {
  // Safe: `exits` is allocated from init to deinit and written below its count only.

  /// Kernel exits handed out in one portion at most.
  private static let portion = 1024

  private let entry: Tracepoint
  private let exit: Tracepoint
  private let runReturn: Tracepoint
  private let pageFault: Tracepoint
  private let mmio: Tracepoint
  private let layout: ExitLayout
  private let faultAddress: TracepointFormat.Field
  private let mmioAddress: TracepointFormat.Field
  private let runError: TracepointFormat.Field
  private var ring: TraceRing
  private let exits: UnsafeMutableBufferPointer<KernelExit>
  private var count = 0
  private var assembly = KernelExitAssembly()

  /// Traces the calling thread, which must be the one that runs the vCPU, from now on.
  ///
  /// - Throws: ``ProcessorError`` with the mend where tracefs or perf refuses.
  init() throws(ProcessorError) {
    let exit = try Tracepoint("kvm:kvm_exit")
    let entry = try Tracepoint("kvm:kvm_entry")
    let pageFault = try Tracepoint("kvm:kvm_page_fault")
    let runReturn = try Tracepoint("kvm:kvm_userspace_exit")
    // Where an EPT misconfiguration was: KVM traces no page fault for those.
    let mmio = try Tracepoint("kvm:kvm_mmio")
    layout = try ExitLayout(exit.format)
    faultAddress = try pageFault.format.field("fault_address")
    runError = try runReturn.format.field("errno")
    mmioAddress = try mmio.format.field("gpa")
    ring = try TraceRing(of: exit.descriptor)
    unsafe exits = .allocate(capacity: Self.portion)
    unsafe exits.initialize(repeating: KernelExit())
    self.exit = exit
    self.entry = entry
    self.pageFault = pageFault
    self.runReturn = runReturn
    self.mmio = mmio
    for point in [entry, pageFault, mmio, runReturn] { try point.share(exit) }
    // The exits last: nothing that belongs to one may come before it can be seen.
    for point in [entry, pageFault, mmio, runReturn, exit] { try point.enable() }
  }

  deinit {
    unsafe exits.deallocate()
  }

  /// Hands out the kernel exits since the last call; KVM_RUN must have returned.
  func take(_ body: (UnsafeBufferPointer<KernelExit>) -> Void) {
    unsafe ring.forEachRecord { type, content in
      unsafe read(type, content)
      if count == Self.portion { unsafe hand(to: body) }
    }
    if let last = assembly.finish(.unknown) { append(last) }
    if count > 0 { unsafe hand(to: body) }
  }

  private func hand(to body: (UnsafeBufferPointer<KernelExit>) -> Void) {
    unsafe body(UnsafeBufferPointer(rebasing: exits[..<count]))
    count = 0
  }

  private func append(_ exit: KernelExit?) {
    // One record finishes one exit at most, and a full buffer is handed on after each.
    guard let exit, count < Self.portion else { return }
    unsafe exits[count] = exit
    count += 1
  }

  /// One perf record: a lost count, or a sample of time, raw size and raw bytes.
  private func read(_ type: UInt32, _ content: UnsafeRawBufferPointer) {
    if type == 2, content.count >= 16 {  // PERF_RECORD_LOST: u64 id, u64 lost
      append(
        assembly.noteLoss(of: unsafe content.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
    guard type == 9, content.count >= 14 else { return }  // PERF_RECORD_SAMPLE
    let time = unsafe content.loadUnaligned(as: UInt64.self)
    let size = Int(unsafe content.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
    guard size >= 2, size <= content.count - 12 else { return }
    let raw = unsafe UnsafeRawBufferPointer(rebasing: content[12..<12 + size])
    let number = unsafe raw.loadUnaligned(as: UInt16.self)
    if number == exit.format.number {
      append(assembly.leave(unsafe layout.decode(raw, at: time)))
    } else if number == entry.format.number {
      append(assembly.enter(at: time))
    } else if number == runReturn.format.number {
      let error = Int32(truncatingIfNeeded: unsafe raw.value(of: runError))
      assembly.runReturned(interrupted: error < 0)
    } else if number == pageFault.format.number {
      assembly.fault(at: unsafe raw.value(of: faultAddress))
    } else if number == mmio.format.number {
      assembly.fault(at: unsafe raw.value(of: mmioAddress))
    }
  }

  /// What was counted, by name.
  var counters: [HostCounter] {
    let traced = exit.hits
    return [
      HostCounter(name: "tracer.recorded", value: assembly.exitCount),
      // What the kernel counted is exact, also where nothing could follow to report the loss.
      HostCounter(name: "tracer.lost", value: traced &- min(traced, assembly.exitCount)),
      HostCounter(name: "tracer.lost-records", value: assembly.lostRecords),
      HostCounter(name: "tracer.address-unknown", value: assembly.unknownAddresses),
      HostCounter(name: "tracer.runs-returned", value: assembly.returnedRuns),
      HostCounter(name: "tracer.runs-interrupted", value: assembly.interruptedRuns),
      HostCounter(name: "tracepoint.kvm_exit", value: traced),
      HostCounter(name: "tracepoint.kvm_userspace_exit", value: runReturn.hits),
    ]
  }
}

/// One tracepoint of the calling thread, as a perf event.
private final class Tracepoint {
  let format: TracepointFormat
  let descriptor: Descriptor

  init(_ name: String) throws(ProcessorError) {
    format = try Tracefs.format(of: name)
    let result = ckvm_trace_open(UInt64(format.number))
    guard result >= 0 else {
      throw ProcessorError(
        operation: "perf_event_open of \(name)", errorNumber: -result,
        advice: "run as root, or set kernel.perf_event_paranoid to -1; "
          + "or leave --kernel-exits out")
    }
    descriptor = Descriptor(result)
  }

  /// Writes into the ring of another tracepoint from now on.
  func share(_ other: Tracepoint) throws(ProcessorError) {
    try check(
      ckvm_trace_share(descriptor.number, other.descriptor.number), "PERF_EVENT_IOC_SET_OUTPUT")
  }

  func enable() throws(ProcessorError) {
    try check(ckvm_trace_enable(descriptor.number), "PERF_EVENT_IOC_ENABLE")
  }

  /// How often it has fired, recorded or not.
  var hits: UInt64 {
    var value: UInt64 = 0
    // Safe: without a read format perf writes one u64.
    let got = unsafe withUnsafeMutablePointer(to: &value) {
      unsafe Glibc.read(descriptor.number, $0, MemoryLayout<UInt64>.size)
    }
    return got == MemoryLayout<UInt64>.size ? value : 0
  }
}

/// Where the fields of kvm:kvm_exit lie.
private struct ExitLayout {
  private let reason: TracepointFormat.Field
  private let rip: TracepointFormat.Field
  private let isa: TracepointFormat.Field
  private let info1: TracepointFormat.Field
  private let info2: TracepointFormat.Field
  private let interruptInformation: TracepointFormat.Field
  private let errorCode: TracepointFormat.Field

  init(_ format: TracepointFormat) throws(ProcessorError) {
    reason = try format.field("exit_reason")
    rip = try format.field("guest_rip")
    isa = try format.field("isa")
    info1 = try format.field("info1")
    info2 = try format.field("info2")
    interruptInformation = try format.field("intr_info")
    errorCode = try format.field("error_code")
  }

  func decode(_ raw: UnsafeRawBufferPointer, at time: UInt64) -> KernelExit {
    var exit = KernelExit()
    exit.isa = UInt8(truncatingIfNeeded: unsafe raw.value(of: isa))
    exit.reason = unsafe raw.value(of: reason)
    exit.rip = unsafe raw.value(of: rip)
    exit.info1 = unsafe raw.value(of: info1)
    exit.info2 = unsafe raw.value(of: info2)
    exit.interruptInformation = UInt32(
      truncatingIfNeeded: unsafe raw.value(of: interruptInformation))
    exit.errorCode = UInt32(truncatingIfNeeded: unsafe raw.value(of: errorCode))
    exit.exitNanoseconds = time
    return exit
  }
}

extension UnsafeRawBufferPointer {
  /// A field's value, zero-extended; 0 where the record is too short for it.
  fileprivate func value(of field: TracepointFormat.Field) -> UInt64 {
    guard field.offset + field.size <= count else { return 0 }
    return switch field.size {
    case 8: unsafe loadUnaligned(fromByteOffset: field.offset, as: UInt64.self)
    case 4: UInt64(unsafe loadUnaligned(fromByteOffset: field.offset, as: UInt32.self))
    case 2: UInt64(unsafe loadUnaligned(fromByteOffset: field.offset, as: UInt16.self))
    default: UInt64(unsafe loadUnaligned(fromByteOffset: field.offset, as: UInt8.self))
    }
  }
}
