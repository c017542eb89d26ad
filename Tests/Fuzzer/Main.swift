internal import CLibFuzzer
internal import FuzzTargets
internal import Glibc

/// Runs the fuzz target that VMREEL_FUZZ_TARGET names under libFuzzer, with libFuzzer's arguments.
///
/// The name stands in the environment because libFuzzer starts the program again, to minimise and
/// to merge. `--list` lists the targets; `--seeds DIRECTORY [REEL…]` writes inputs to begin with.
@main
struct Fuzzer {
  /// The target, for the C function that libFuzzer calls.
  nonisolated(unsafe) private static var target = FuzzTarget.reel

  static func main() {
    let arguments = CommandLine.arguments
    if arguments.count == 2, arguments[1] == "--list" {
      return print(FuzzTarget.allCases.map(\.rawValue).joined(separator: "\n"))
    }
    let name = unsafe getenv("VMREEL_FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""
    guard let named = FuzzTarget(rawValue: name) else {
      print("VMREEL_FUZZ_TARGET names no target; --list does")
      exit(2)
    }
    unsafe target = named
    if arguments.count > 2, arguments[1] == "--seeds" {
      return writeSeeds(to: arguments[2], reels: arguments[3...])
    }
    var count = CommandLine.argc
    var values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe CommandLine.unsafeArgv
    exit(
      unsafe LLVMFuzzerRunDriver(&count, &values) { data, size in
        // Safe: libFuzzer hands out that many bytes for the time of the call.
        let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: size))
        // One input in sixteen, always the same ones, so that a finding is found again.
        let sum = bytes.reduce(0 as UInt64) { ($0 &+ UInt64($1) &+ 1) &* 0x9e37_79b9_7f4a_7c15 }
        unsafe Fuzzer.target.run(bytes, isThorough: sum >> 60 == 0)
        return 0
      })
  }

  private static func writeSeeds(to directory: String, reels: ArraySlice<String>) {
    let files = [SampleReel().encoded()] + reels.map(contents)
    for (number, file) in files.enumerated() {
      for (place, seed) in unsafe target.seeds(from: file).enumerated() {
        write(seed, to: "\(directory)/seed-\(number)-\(place)")
      }
    }
  }

  private static func contents(of path: String) -> [UInt8] {
    guard let file = unsafe fopen(path, "rb") else { return [] }
    defer { unsafe fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe fread(&buffer, 1, buffer.count, file)
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
  }

  private static func write(_ bytes: [UInt8], to path: String) {
    guard let file = unsafe fopen(path, "wb") else {
      print("cannot write \(path)")
      exit(2)
    }
    unsafe fwrite(bytes, 1, bytes.count, file)
    unsafe fclose(file)
  }
}
