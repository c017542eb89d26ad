internal import CKVM
internal import Machine

/// Makes the guest's RDTSC read one chosen value for a whole slice.
///
/// KVM's TSC scaling slows the guest's counter down to one tick a millisecond of host time; the
/// offset is chosen so that the counter reads the value in the current tick. A slice must end
/// before the next tick: a kick of the slice timer sees to that, and a look at the host's counter
/// after the slice says whether it came in time.
struct TimestampFreezer {
  /// The slowest counter KVM_SET_TSC_KHZ makes.
  static let guestKilohertz: UInt32 = 1
  /// The guest is not entered when less of the tick is left; the next one is waited for.
  static let entryMarginMicroseconds: UInt64 = 60
  /// How long before the tick's end the guest is kicked: signal, exit and a look at the counter
  /// must fit in.
  static let kickLeadMicroseconds: UInt64 = 40

  let scale: TSCScale
  private let hostKilohertz: UInt64
  /// The current tick, and the host's counter where the next one begins.
  private var tick: UInt64 = 0
  private var tickEnd: UInt64 = 0
  private var appliedOffset: UInt64?
  /// Host monotonic time at which the guest must be kicked, in nanoseconds.
  private(set) var kickNanoseconds: UInt64 = 0

  /// Slows the vCPU's counter down (KVM_SET_TSC_KHZ) and checks that KVM scales as computed.
  ///
  /// - Throws: ``ProcessorError`` naming what this host's KVM lacks.
  init(_ cpu: borrowing VirtualCPU, hasScaling: Bool) throws(ProcessorError) {
    guard hasScaling else {
      throw ProcessorError(
        operation: "KVM_SET_TSC_KHZ", missingCapability: Capability.tscControl.name,
        advice: "the timestamp counter cannot be frozen on this host")
    }
    let vcpu = cpu.descriptor.number
    guard ckvm_has_tsc_offset(vcpu) == 0 else {
      throw ProcessorError(
        operation: "KVM_SET_DEVICE_ATTR", missingCapability: "KVM_VCPU_TSC_OFFSET",
        advice: "the timestamp counter cannot be frozen; Linux has it from version 5.16 on")
    }
    // Before the guest's frequency is set, KVM answers with the host's own.
    let host = UInt32(try check(ckvm_call(vcpu, CKVM_GET_TSC_KHZ, 0), "KVM_GET_TSC_KHZ"))
    let bits: UInt64 = HostFiles.kvmModule == "kvm_amd" ? 32 : 48
    guard
      let scale = TSCScale(
        guestKilohertz: Self.guestKilohertz, hostKilohertz: host, fractionBits: bits)
    else { throw Self.unusable("the host's frequency of \(host) kHz allows no such ratio") }
    try cpu.descriptor.call(
      CKVM_SET_TSC_KHZ, UInt(Self.guestKilohertz), named: "KVM_SET_TSC_KHZ")
    self.scale = scale
    hostKilohertz = UInt64(host)
    try verify(cpu)
  }

  /// Compares what KVM says the guest's counter is with the host's own, scaled here.
  private func verify(_ cpu: borrowing VirtualCPU) throws(ProcessorError) {
    let vcpu = cpu.descriptor.number
    try check(ckvm_set_tsc_offset(vcpu, 0), "KVM_SET_DEVICE_ATTR")
    let earliest = scale.ticks(at: ckvm_tsc())
    let read = try cpu.timestampCounter()
    let latest = scale.ticks(at: ckvm_tsc())
    guard earliest <= read, read <= latest else {
      throw Self.unusable("it reads \(read) where \(earliest) to \(latest) is expected")
    }
  }

  private static func unusable(_ reason: String) -> ProcessorError {
    ProcessorError(
      operation: "KVM_SET_TSC_KHZ", missingCapability: "exact TSC scaling",
      advice: "the timestamp counter cannot be frozen on this host: \(reason)")
  }

  /// Prepares the next entry: moves on to a tick with enough time left and sets the offset.
  mutating func prepare(
    _ cpu: borrowing VirtualCPU, value: UInt64
  ) throws(ProcessorError) {
    let now = ckvm_tsc()
    if now &+ cycles(Self.entryMarginMicroseconds) >= tickEnd { startTick(now) }
    let offset = value &- tick
    guard offset != appliedOffset else { return }
    try check(ckvm_set_tsc_offset(cpu.descriptor.number, offset), "KVM_SET_DEVICE_ATTR")
    appliedOffset = offset
  }

  private mutating func startTick(_ earliest: UInt64) {
    let margin = cycles(Self.entryMarginMicroseconds)
    var now = earliest
    // Once is enough unless the host takes the CPU away just here; a slice that starts too late all
    // the same is found out after it.
    for _ in 0..<16 {
      tick = scale.ticks(at: now)
      tickEnd = scale.start(ofTick: tick &+ 1)
      if tickEnd &- now > margin { break }
      ckvm_wait_for_tsc(tickEnd)
      now = ckvm_tsc()
    }
    let left = max(tickEnd &- now, margin) - cycles(Self.kickLeadMicroseconds)
    kickNanoseconds = ckvm_now() &+ left &* 1_000_000 / hostKilohertz
  }

  private func cycles(_ microseconds: UInt64) -> UInt64 { hostKilohertz &* microseconds / 1000 }

  /// Whether the tick has ended, so that a guest that ran until now may have read another value.
  var isTickOver: Bool { ckvm_tsc() >= tickEnd }
}

extension VirtualCPU {
  /// The guest's timestamp counter as KVM computes it now (KVM_GET_MSRS, IA32_TIME_STAMP_COUNTER).
  fileprivate func timestampCounter() throws(ProcessorError) -> UInt64 {
    var entry = kvm_msr_entry(index: 0x10, reserved: 0, data: 0)
    // Safe: the shim fills in at most the one entry.
    let result = unsafe withUnsafeMutablePointer(to: &entry) {
      unsafe ckvm_get_msrs(descriptor.number, $0, 1)
    }
    guard try check(result, "KVM_GET_MSRS") == 1 else {
      throw ProcessorError(operation: "KVM_GET_MSRS", missingCapability: "MSR 0x10")
    }
    return entry.data
  }
}
