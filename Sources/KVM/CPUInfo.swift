/// What /proc/cpuinfo says about the first CPU.
struct CPUInfo: Equatable {
  /// The line `flags`: features by the kernel's names.
  var flags: Set<Substring> = []
  /// The line `vmx flags`: VT-x features the kernel found; empty on other CPUs and before Linux 5.6.
  var vmxFlags: Set<Substring> = []

  /// Reads the file's text; lines that are missing leave their set empty.
  init(_ text: String) {
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      // A blank line ends the first CPU.
      guard let colon = line.firstIndex(of: ":") else { break }
      let name = line[..<colon].split { $0 == " " || $0 == "\t" }.joined(separator: " ")
      let values = Set(line[line.index(after: colon)...].split(separator: " "))
      if name == "flags" { flags = values }
      if name == "vmx flags" { vmxFlags = values }
    }
  }

  /// Whether either line has a feature; older kernels list a few of VT-x among the flags.
  func has(_ feature: String) -> Bool {
    flags.contains(Substring(feature)) || vmxFlags.contains(Substring(feature))
  }
}
