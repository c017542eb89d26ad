#if canImport(Glibc)
  internal import Glibc
#endif

/// The host's files under /proc and /sys that say what its CPU and kernel are.
enum HostFiles {
  // Safe: the C calls read only the path, which Swift passes as a terminated string.

  /// The kernel's release, as `uname -r` prints it.
  static var kernelRelease: String { line("/proc/sys/kernel/osrelease") ?? "unknown" }

  /// The KVM module in use; `nil` when none is loaded.
  static var kvmModule: String? {
    ["kvm_pvm", "kvm_intel", "kvm_amd"].first { exists("/sys/module/\($0)") }
  }

  /// A parameter of the KVM module: `Y`, `N`, `1`, `0`; `nil` where the module has none.
  static func moduleParameter(_ name: String) -> String? {
    kvmModule.flatMap { line("/sys/module/\($0)/parameters/\(name)") }
  }

  /// What /proc/cpuinfo says about the first CPU.
  static var cpu: CPUInfo { CPUInfo(text("/proc/cpuinfo")) }

  /// Whether a path exists.
  static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  /// A file's first line without white space around it.
  static func line(_ path: String) -> String? {
    text(path).split(separator: "\n").first.map { line in
      String(line.drop { $0 == " " }.prefix { $0 != " " })
    }
  }

  /// The first 64 KiB of a file; empty when it cannot be read.
  static func text(_ path: String) -> String {
    let opened = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard opened >= 0 else { return "" }
    let file = Descriptor(opened)
    var bytes = [UInt8](repeating: 0, count: 65_536)
    var filled = 0
    while filled < bytes.count {
      // Safe: read writes at most the bytes that are left.
      let got = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe Glibc.read(
          file.number, buffer.baseAddress?.advanced(by: filled), buffer.count - filled)
      }
      guard got > 0 else { break }
      filled += got
    }
    return String(decoding: bytes.prefix(filled), as: UTF8.self)
  }
}
