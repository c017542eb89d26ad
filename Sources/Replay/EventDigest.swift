internal import Bytes
internal import Machine
internal import Trace

/// The running digest with the rule of what each event contributes.
///
/// Recorder and replayer feed it alike: a guest-made exit adds its fields, its payload and the
/// registers as the guest left them; an input adds its fields and payload. Host-made events and
/// marks add nothing, so that equal guests have equal digests however they were kicked.
struct EventDigest {
  /// A full digest is stored at every this many guest-made exits.
  static let fullDigestInterval: UInt64 = 64

  private(set) var running = RunningDigest.initial
  /// Whether anything is absorbed; not when nothing is recorded.
  var isOn = true

  init(resuming value: UInt64 = RunningDigest.initial.value) {
    running = RunningDigest(value: value)
  }

  /// What an event stores of the digest as it stands.
  var check: UInt8 { UInt8(truncatingIfNeeded: running.value) }

  /// Whether it is what a guest-made exit stores of it.
  func agrees(with event: Event) -> Bool {
    event.check == check
      && (!event.flags.contains(.fullDigest) || event.digest == running.value)
  }

  /// Absorbs the fields of an exit or input.
  mutating func absorb(_ event: Event) {
    guard isOn else { return }
    running.absorb(
      UInt64(event.kind.rawValue) | UInt64(event.width) << 8 | UInt64(event.vcpu) << 16
        | UInt64(event.count) << 32)
    running.absorb(event.address)
    running.absorb(event.value)
    if event.device != 0 || event.image != 0 {
      running.absorb(UInt64(event.device) | UInt64(event.image) << 16)
    }
  }

  /// Absorbs the timestamp an exit or input leaves in force; the last thing before its check.
  mutating func absorbTimestamp(of event: Event) {
    guard isOn, event.timestamp != 0, event.kind.isGuestMade || event.kind.isInput else { return }
    running.absorb(event.timestamp)
  }

  mutating func absorb(payload: UnsafeRawBufferPointer) {
    guard isOn else { return }
    unsafe running.absorb(bytes: payload)
  }

  /// Absorbs the registers at a guest-made exit.
  ///
  /// Left out is what hosts report differently. RF: whether it is set at an exit. RIP at a port
  /// write: it stands at the instruction or after it (the event has it, and replay compares it).
  /// The arithmetic flags: an instruction may leave some undefined (the event has them, too).
  /// After a shutdown the registers are the host's, not the guest's (kvm-amd resets them), so
  /// none counts.
  mutating func absorb(_ registers: borrowing GeneralRegisters, at kind: EventKind) {
    guard isOn, kind != .shutdown else { return }
    running.absorb(registers.rax)
    running.absorb(registers.rbx)
    running.absorb(registers.rcx)
    running.absorb(registers.rdx)
    running.absorb(registers.rsi)
    running.absorb(registers.rdi)
    running.absorb(registers.rsp)
    running.absorb(registers.rbp)
    running.absorb(registers.r8)
    running.absorb(registers.r9)
    running.absorb(registers.r10)
    running.absorb(registers.r11)
    running.absorb(registers.r12)
    running.absorb(registers.r13)
    running.absorb(registers.r14)
    running.absorb(registers.r15)
    if kind != .portWrite { running.absorb(registers.rip) }
    running.absorb(registers.rflags & ~(RFlags.resume | RFlags.arithmetic))
  }
}
