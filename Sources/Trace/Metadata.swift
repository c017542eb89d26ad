/// What a reel says about itself, stored as one JSON object in its first block.
///
/// Codable only: the command layer turns it into JSON and back. A decoder ignores keys it does
/// not know.
public struct Metadata: Codable, Equatable, Sendable {
  /// The program that recorded: `vmreel 0.1.0`.
  public var tool: String
  /// The recorder's command line.
  public var commandLine: [String]
  /// What ran.
  public var guest: Guest
  /// RAM size in MiB, from guest physical address 0.
  public var memoryMiB: Int
  /// The board's configuration.
  public var board: BoardDescription
  /// The CPU model and the CPUID table the guest was given.
  public var cpu: CPU
  /// The host that recorded.
  public var host: Host
  /// The determinism policies in force.
  public var policies: Policies
  /// The event kinds written, by number, so that any reader can name them.
  public var eventKinds: [String: String]
  /// The names of kernel exits, when those were asked for.
  public var kernelExits: KernelExitNames?
  /// What was done to the reel after its recording, in order; `nil` when nothing was.
  public var history: [HistoryEntry]?
  /// The log a reel was imported from; `nil` when it was recorded.
  public var imported: ImportedLog?

  /// The identity of what ran.
  public struct Guest: Codable, Equatable, Sendable {
    /// `built-in`, `flat`, `multiboot` or `linux`; `imported` when all there is is a log.
    public var kind: String
    /// The guest's name or file name.
    public var name: String
    /// SHA-256 of the image, in hex.
    public var sha256: String
    /// Load address, for flat images.
    public var loadAddress: UInt64?
    /// The kernel command line.
    public var append: String?
    /// Modules, in order.
    public var modules: [Module]
    /// Linux's initial RAM disk.
    public var initrd: Module?
    /// How Linux was entered: `boot-protocol-64`, `boot-protocol-32` or `pvh`.
    public var entry: String?

    /// Makes a guest identity without what only Linux has.
    public init(
      kind: String, name: String, sha256: String, loadAddress: UInt64?, append: String?,
      modules: [Module]
    ) {
      self.kind = kind
      self.name = name
      self.sha256 = sha256
      self.loadAddress = loadAddress
      self.append = append
      self.modules = modules
    }
  }

  /// A boot module.
  public struct Module: Codable, Equatable, Sendable {
    /// The file name.
    public var name: String
    /// SHA-256 in hex.
    public var sha256: String

    /// Makes a module identity.
    public init(name: String, sha256: String) {
      self.name = name
      self.sha256 = sha256
    }
  }

  /// The board that stood outside the line.
  public struct BoardDescription: Codable, Equatable, Sendable {
    /// The board's name: `isa-v1`.
    public var name: String
    /// Where the real-time clock started, in seconds since 1970.
    public var realTimeClockEpochSeconds: Int64

    /// Makes a description.
    public init(name: String, realTimeClockEpochSeconds: Int64) {
      self.name = name
      self.realTimeClockEpochSeconds = realTimeClockEpochSeconds
    }
  }

  /// The CPU model.
  public struct CPU: Codable, Equatable, Sendable {
    /// The model's name: `vmreel-v1`.
    public var model: String
    /// `enforced`, or `unenforced` where the host cannot hide features.
    public var cpuid: String
    /// Rows of leaf, subleaf, flags, EAX, EBX, ECX, EDX.
    public var cpuidTable: [[UInt32]]

    /// Makes a CPU description.
    public init(model: String, cpuid: String, cpuidTable: [[UInt32]]) {
      self.model = model
      self.cpuid = cpuid
      self.cpuidTable = cpuidTable
    }
  }

  /// The recording host.
  public struct Host: Codable, Equatable, Sendable {
    /// The CPU's brand string.
    public var cpu: String
    /// The kernel release.
    public var kernel: String
    /// `kvm_amd`, `kvm_intel` or `kvm_pvm`.
    public var kvmModule: String
    /// Where RIP stands at each kind of exit: `at` or `after` the instruction.
    public var ripConventions: [String: String]

    /// Makes a host description.
    public init(
      cpu: String, kernel: String, kvmModule: String, ripConventions: [String: String]
    ) {
      self.cpu = cpu
      self.kernel = kernel
      self.kvmModule = kvmModule
      self.ripConventions = ripConventions
    }
  }

  /// The determinism contract in force.
  public struct Policies: Codable, Equatable, Sendable {
    /// `exit` or `seal`.
    public var placement: String
    /// `warp` or `real`.
    public var clock: String
    /// `exact`, `late`, or `none` where placement `exit` does without windows.
    public var interruptWindow: String
    /// `none`, `freeze` or `patch`.
    public var tsc: String
    /// The kernel's timestamp instructions, under `patch`.
    public var tscSites: TimestampSites?
    /// Host nanoseconds after which a slice is kicked.
    public var quantumNanoseconds: UInt64
    /// Virtual nanoseconds each guest-made exit costs under `warp`.
    public var exitCostNanoseconds: UInt64
    /// `bits8`, or `full` when every exit stores the whole digest.
    public var check: String

    /// Makes a policy record.
    public init(
      placement: String, clock: String, interruptWindow: String, tsc: String,
      tscSites: TimestampSites? = nil, quantumNanoseconds: UInt64, exitCostNanoseconds: UInt64,
      check: String
    ) {
      self.placement = placement
      self.clock = clock
      self.interruptWindow = interruptWindow
      self.tsc = tsc
      self.tscSites = tscSites
      self.quantumNanoseconds = quantumNanoseconds
      self.exitCostNanoseconds = exitCostNanoseconds
      self.check = check
    }
  }

  /// The instructions of a kernel that read the timestamp counter, as virtual addresses in
  /// hexadecimal (`0xffffffff81000000`).
  public struct TimestampSites: Codable, Equatable, Sendable {
    /// RDTSC that became a port read.
    public var rewritten: [String]
    /// RDTSCP left as it is: CPUID hides it, so Linux does not use it.
    public var hidden: [String]
    /// Either of them in the vDSO, which runs in user space: left as it is, not controlled.
    public var userSpace: [String]

    /// Makes a list.
    public init(rewritten: [String], hidden: [String], userSpace: [String]) {
      self.rewritten = rewritten
      self.hidden = hidden
      self.userSpace = userSpace
    }
  }

  /// Something done to a reel after its recording.
  public struct HistoryEntry: Codable, Equatable, Sendable {
    /// The program that did it: `vmreel 0.1.0`.
    public var tool: String
    /// The command: `recover`.
    public var operation: String
    /// What the reel no longer has, in one sentence.
    public var removed: String
    /// The commands that still work on it.
    public var works: [String]

    /// Makes an entry.
    public init(tool: String, operation: String, removed: String, works: [String]) {
      self.tool = tool
      self.operation = operation
      self.removed = removed
      self.works = works
    }
  }

  /// What the codes of kernel exits mean, so that any reader can name them.
  public struct KernelExitNames: Codable, Equatable, Sendable {
    /// By instruction set (`1` VMX, `2` SVM), then by code as a decimal string.
    public var reasons: [String: [String: String]]

    /// The names for the given instruction sets.
    public init(isas: [UInt8]) {
      reasons = Dictionary(
        uniqueKeysWithValues: isas.map { isa in
          let names = KernelExitReasonNames.table(isa: isa)
          return (
            String(isa), Dictionary(uniqueKeysWithValues: names.map { (String($0), $1) })
          )
        })
    }
  }

  /// Makes metadata; the event kinds are those this version writes.
  public init(
    tool: String, commandLine: [String], guest: Guest, memoryMiB: Int, board: BoardDescription,
    cpu: CPU, host: Host, policies: Policies
  ) {
    self.tool = tool
    self.commandLine = commandLine
    self.guest = guest
    self.memoryMiB = memoryMiB
    self.board = board
    self.cpu = cpu
    self.host = host
    self.policies = policies
    eventKinds = Dictionary(
      uniqueKeysWithValues: EventKind.names.map { (String($0.kind.rawValue), $0.name) })
  }
}
