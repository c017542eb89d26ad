import FoundationEssentials
import Glibc
import KVM
import Machine
import Testing

/// Every test of the real program: one after the other, since guests compete for the CPUs and
/// other suites measure times.
@Suite(.serialized) enum ProgramTests {}

/// The `vmreel` that was built together with these tests.
enum Executable {
  /// The directory of the build's products: the one the test bundle itself lies in.
  static let directory: String = {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = unsafe buffer.withUnsafeMutableBytes {
      // Safe: readlink(2) writes at most the buffer's count.
      unsafe readlink("/proc/self/exe", $0.baseAddress.unsafelyUnwrapped, $0.count)
    }
    let path = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    return path.split(separator: "/").dropLast().map { "/" + $0 }.joined()
  }()

  static let path = directory + "/vmreel"

  /// Fails, saying what to do, when the program is not there.
  static func find() throws -> String {
    let message: Comment = "there is no \(path): build it first (swift build)"
    let isThere = unsafe access(path, X_OK) == 0
    try #require(isThere, message)
    return path
  }
}

/// Why there is no KVM to test against, or `nil` when there is one.
let kvmUnavailable: String? = {
  do throws(ProcessorError) {
    _ = try HostProbe.facts()
    return nil
  } catch {
    return "no usable KVM: \(error.operation), errno \(error.errorNumber)"
  }
}()

extension Trait where Self == ConditionTrait {
  /// Skips, with the reason, where there is no KVM.
  static var needsKVM: Self {
    .enabled(if: kvmUnavailable == nil, Comment(rawValue: kvmUnavailable ?? "KVM is usable"))
  }

  /// Skips where the tests may not make mounts of their own: only root may.
  static var needsMountNamespace: Self {
    .enabled(if: getuid() == 0, "only root may unshare its mounts and drop its privileges")
  }
}

/// A directory of one test's own, with the ways to run programs in it.
final class TestDirectory {
  let path: String
  private var runCount = 0

  init() throws {
    var template = Array("/tmp/vmreel-test-XXXXXX".utf8CString)
    let made = unsafe template.withUnsafeMutableBufferPointer {
      // Safe: the array is NUL-terminated and as long as what mkdtemp(3) writes.
      unsafe mkdtemp($0.baseAddress.unsafelyUnwrapped) != nil
    }
    try #require(made, "cannot make a directory in /tmp")
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// A new directory for the streams of one run, out of the way of what the run makes.
  func subdirectory() throws -> String {
    runCount += 1
    let name = "\(path)/.run\(runCount)"
    try FileManager.default.createDirectory(atPath: name, withIntermediateDirectories: false)
    return name
  }

  /// Starts `vmreel` here.
  func start(_ arguments: String..., input: Program.Input = .nothing) throws -> Program {
    try Program(try Executable.find(), arguments, in: self, input: input)
  }

  /// Runs `vmreel` here to its end; a hang fails the test.
  @discardableResult
  func vmreel(
    _ arguments: String..., input: Program.Input = .nothing, environment: [String] = [],
    location: SourceLocation = #_sourceLocation
  ) throws -> Run {
    try vmreel(arguments, input: input, environment: environment, location: location)
  }

  @discardableResult
  func vmreel(
    _ arguments: [String], input: Program.Input = .nothing, environment: [String] = [],
    location: SourceLocation = #_sourceLocation
  ) throws -> Run {
    let program = try Program(
      try Executable.find(), arguments, in: self, input: input, environment: environment)
    return finish(program, "vmreel " + arguments.joined(separator: " "), location)
  }

  /// Runs a line of shell here, with `vmreel` in the PATH.
  func shell(_ line: String, location: SourceLocation = #_sourceLocation) throws -> Run {
    _ = try Executable.find()
    let program = try Program("/bin/bash", ["-c", line], in: self)
    return finish(program, line, location)
  }

  /// The run's end; a program that hangs or crashes fails the test whatever it was for.
  func finish(_ program: Program, _ what: String, _ location: SourceLocation) -> Run {
    let run = program.wait()
    #expect(!run.timedOut, "hangs: \(what): \(run.story)", sourceLocation: location)
    #expect(
      run.timedOut || run.signal == nil, "crashed: \(what): \(run.story)",
      sourceLocation: location)
    return run
  }

  func write(_ bytes: some Sequence<UInt8>, to name: String) throws {
    try Data(bytes).write(to: URL(filePath: "\(path)/\(name)"))
  }

  func read(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: "\(path)/\(name)")))
  }

  /// The names of the files here, without those of the runs.
  func files() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path)
      .filter { !$0.hasPrefix(".run") }.sorted()
  }
}

/// The JSON object of a text, and its `schema`; the test fails when it is none.
func jsonSchema(_ run: Run, location: SourceLocation = #_sourceLocation) throws -> String {
  struct Head: Decodable { var schema: String }
  return try JSONDecoder().decode(Head.self, from: Data(run.output)).schema
}

/// Expects one sentence on standard error that holds all the words, and exit status 2.
func expectTrouble(
  _ run: Run, _ words: String..., location: SourceLocation = #_sourceLocation
) {
  #expect(run.status == 2, "\(run.story)", sourceLocation: location)
  #expect(run.errorLines.count == 1, "not one line: \(run.story)", sourceLocation: location)
  for word in words {
    #expect(
      run.errors.contains(word), "does not say \(word): \(run.story)", sourceLocation: location)
  }
}
