internal import CKVM
internal import Machine

#if canImport(Glibc)
  internal import Glibc
#endif

/// A file descriptor that closes itself.
struct Descriptor: ~Copyable {
  let number: Int32

  init(_ number: Int32) { self.number = number }

  deinit { close(number) }

  /// Performs an ioctl with an integer argument.
  ///
  /// - Returns: the call's value, 0 or more.
  @discardableResult
  func call(
    _ request: UInt, _ argument: UInt = 0, named name: StaticString
  ) throws(ProcessorError) -> Int32 {
    try check(ckvm_call(number, request, argument), name)
  }

  /// Performs an ioctl on a structure.
  @discardableResult
  func call<Argument>(
    _ request: UInt, with argument: inout Argument, named name: StaticString
  ) throws(ProcessorError) -> Int32 {
    // Safe: each call site pairs the request with the structure linux/kvm.h defines for it.
    let result = unsafe withUnsafeMutablePointer(to: &argument) {
      unsafe ckvm_call_pointer(number, request, $0)
    }
    return try check(result, name)
  }
}

/// Turns a negative errno from CKVM into an error.
@discardableResult
func check(_ result: Int32, _ name: StaticString) throws(ProcessorError) -> Int32 {
  guard result < 0 else { return result }
  throw ProcessorError(call: name, errorNumber: -result)
}

extension ProcessorError {
  /// A failed call, with advice where the errno has one meaning.
  init(call name: StaticString, errorNumber: Int32) {
    let advice: String? =
      switch errorNumber {
      case EACCES, EPERM:
        "run as root, or add yourself to the group that owns /dev/kvm, usually kvm"
      case ENOENT, ENODEV, ENXIO:
        "load the KVM module, kvm_intel or kvm_amd, or enable virtualisation in the firmware"
      case EBUSY: "another hypervisor holds the CPU's virtualisation hardware; stop it"
      case ENOTTY where "\(name)" == "KVM_GET_API_VERSION":
        "/dev/kvm is not KVM's device; remove it and load the KVM module"
      case ENOMEM: "the host is out of memory"
      case EMFILE, ENFILE: "too many open files; raise the limit (ulimit -n)"
      default: nil
      }
    self.init(operation: "\(name)", errorNumber: errorNumber, advice: advice)
  }

  /// A call the runner made at a moment when it has no meaning.
  static func misuse(_ operation: String, _ advice: String) -> ProcessorError {
    ProcessorError(operation: operation, advice: advice)
  }
}
