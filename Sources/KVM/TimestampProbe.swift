internal import Machine

/// Tries out whether the guest's RDTSC can be held at a value.
enum TimestampProbe {
  /// Small and large values, up and down: both halves must be right each time.
  private static let values: [UInt64] = [
    5001, 0x1_0000_0001, 0xffff_ffff, 0x7654_3210_fedc_ba98, 1, 10_001, .max, 15_001,
  ]
  /// RDTSC at both ends of a few thousand instructions:
  /// `rdtsc; mov ebx, eax; mov esi, edx; mov cx, 2000; loop $; rdtsc; out 0x10, al; jmp back`.
  static let reader: [UInt8] = [
    0x0f, 0x31, 0x66, 0x89, 0xc3, 0x66, 0x89, 0xd6, 0xb9, 0xd0, 0x07, 0xe2, 0xfe, 0x0f, 0x31,
    0xe6, 0x10, 0xeb, 0xed,
  ]

  /// Whether both reads of a slice of ``reader`` gave a value.
  static func hasRead(_ value: UInt64, _ registers: GeneralRegisters) -> Bool {
    let (low, high) = (value & 0xffff_ffff, value >> 32)
    return registers.rax & 0xffff_ffff == low && registers.rbx & 0xffff_ffff == low
      && registers.rdx & 0xffff_ffff == high && registers.rsi & 0xffff_ffff == high
  }

  /// Whether all untainted slices read the value asked for, and most slices are untainted.
  static func freezesTSC() throws(ProcessorError) -> Bool {
    do throws(ProcessorError) {
      let guest = try ProbeGuest()
      try guest.load(reader)
      var exact = 0
      for value in values {
        guest.processor.frozenTimestamp = value
        let exit = try guest.processor.run(sliceLimitNanoseconds: HostProbe.limitNanoseconds)
        guard case .portWrite = exit.reason else { return false }
        if hasRead(value, guest.processor.registers) {
          exact += 1
        } else if !exit.isTainted {
          return false
        }
      }
      return exact > values.count / 2
    } catch {
      // Freezing is what fails here: making the guest has worked before.
      guard error.missingCapability != nil || error.operation == "KVM_SET_TSC_KHZ" else {
        throw error
      }
      return false
    }
  }
}
