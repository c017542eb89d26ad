internal import Glibc

/// The clocks a bench reads, in nanoseconds.
///
/// CPU time is what most benches report: other programs on the machine cost it less than they cost
/// elapsed time.
enum BenchClock {
  /// CPU time of the calling thread.
  static func thread() -> UInt64 { read(CLOCK_THREAD_CPUTIME_ID) }
  /// CPU time of all threads of the process.
  static func process() -> UInt64 { read(CLOCK_PROCESS_CPUTIME_ID) }
  /// CPU time of all threads but the calling one.
  static func otherThreads() -> UInt64 {
    let own = thread()
    return max(own, process()) - own
  }
  /// Elapsed time.
  static func elapsed() -> UInt64 { read(CLOCK_MONOTONIC) }

  private static func read(_ clock: clockid_t) -> UInt64 {
    var now = timespec()
    _ = unsafe clock_gettime(clock, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
  }
}

/// The process's resident memory at its highest (proc(5): VmHWM).
enum ResidentPeak {
  static let variant = BenchVariant(name: "resident at most", unit: .mebibytes)

  /// The peak in MiB while something runs, all the process holds included; `nil` where there is no
  /// /proc.
  static func mebibytes(during body: () throws -> Void) rethrows -> Double? {
    reset()
    try body()
    return mebibytes()
  }

  /// Begins anew with what is resident now; where the kernel cannot, peaks only grow.
  private static func reset() {
    let file = unsafe open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    _ = unsafe write(file, "5", 1)
    close(file)
  }

  /// The peak so far in MiB; `nil` where there is no /proc.
  static func mebibytes() -> Double? {
    guard let file = unsafe fopen("/proc/self/status", "r") else { return nil }
    defer { unsafe fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    // Safe: fgets(3) writes at most the count it is given, the NUL included.
    while unsafe fgets(&line, Int32(line.count), file) != nil {
      let bytes = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      let words = String(decoding: bytes, as: UTF8.self).split { $0.isWhitespace }
      if words.first == "VmHWM:", words.count > 1 { return Double(words[1]).map { $0 / 1024 } }
    }
    return nil
  }
}
