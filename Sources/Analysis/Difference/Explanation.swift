/// Why two runs part, as far as it was checked.
public struct Explanation: Codable, Equatable, Sendable {
  /// What made the runs part.
  public enum Cause: String, Codable, Sendable {
    /// What came into the guest from outside: typed or piped into a serial port or keyboard.
    case input
    /// A value that a device returned, or wrote into memory.
    case deviceValue = "device value"
    /// An interrupt, or the wait for one, at another place.
    case interruptPosition = "interrupt position"
    /// Another interrupt at the same place.
    case interruptVector = "interrupt vector"
    /// The timestamp that the recorder gave the guest.
    case timestamp
    /// RDTSC or RDTSCP.
    case timestampInstruction = "RDTSC"
    /// RDRAND.
    case randomInstruction = "RDRAND"
    /// RDSEED.
    case seedInstruction = "RDSEED"
    /// RDPID.
    case processorInstruction = "RDPID"
    /// CPUID.
    case identification = "CPUID"
    /// The instruction itself is another one.
    case codeBytes = "different code bytes"
    /// Memory that differs from the first keyframe on: another image, or memory never initialised.
    case initialMemory = "memory that differs from the start"
    /// Registers that differ from the first keyframe on.
    case initialRegisters = "registers that differ from the start"
    /// The log: an event or keyframe of it does not fit the rest.
    case log = "what the log holds"
    /// One recording ended before the other.
    case end = "end of a recording"
    /// The runs do not part.
    case none = "no difference"
    /// No cause was found.
    case notFound = "not found"
  }

  /// How sure the cause is.
  public enum Certainty: String, Codable, Sendable {
    /// It stands in the log itself, or taking it away took the difference away.
    case certain
    /// What was found fits, but taking it away was not tried or could not be.
    case probable
    /// There is no cause.
    case unknown
  }

  /// A cause that was ruled out.
  public struct Exclusion: Codable, Equatable, Sendable {
    /// Which.
    public var cause: Cause
    /// What shows it.
    public var how: String

    /// Makes an exclusion.
    public init(_ cause: Cause, how: String) {
      self.cause = cause
      self.how = how
    }
  }

  /// The instruction that did something else in each run.
  public struct Instruction: Codable, Equatable, Sendable {
    /// Its address, as RIP had it.
    public var address: HexWord
    /// The symbol and offset there, when symbols were given.
    public var symbol: String?
    /// It in the first run, in Intel syntax.
    public var a: String?
    /// It in the second run.
    public var b: String?
    /// Instructions executed alike in both since ``Explanation/lastEqual``.
    public var steps: UInt64
    /// Registers that differ behind it.
    public var registers: [MemoryDifference.Register]

    /// Makes an instruction.
    public init(
      address: UInt64, symbol: String? = nil, a: String?, b: String?, steps: UInt64,
      registers: [MemoryDifference.Register]
    ) {
      self.address = HexWord(address)
      self.symbol = symbol
      self.a = a
      self.b = b
      self.steps = steps
      self.registers = registers
    }
  }

  /// An instruction whose result no log holds, executed alike in both runs before they part.
  public struct Site: Codable, Equatable, Sendable {
    /// Its address, as RIP had it.
    public var address: HexWord
    /// The symbol and offset there, when symbols were given.
    public var symbol: String?
    /// It in Intel syntax.
    public var instruction: String
    /// What it is.
    public var cause: Cause
    /// How often it was executed between ``Explanation/lastEqual`` and the guests' next exit, or where
    /// they part.
    public var count: UInt64

    /// Makes a site.
    public init(
      address: UInt64, symbol: String?, instruction: String, cause: Cause, count: UInt64
    ) {
      self.address = HexWord(address)
      self.symbol = symbol
      self.instruction = instruction
      self.cause = cause
      self.count = count
    }
  }

  /// What made the runs part.
  public var cause: Cause
  /// How sure that is.
  public var certainty: Certainty
  /// The finding in one sentence.
  public var summary: String
  /// What was done and seen, in order; one sentence each.
  public var evidence: [String] = []
  /// Causes that were ruled out.
  public var excluded: [Exclusion] = []
  /// The last pair of keyframes with equal states.
  public var lastEqualKeyframes: KeyframePair?
  /// The first pair of keyframes whose states differ although the events before are equal.
  public var firstDifferingKeyframes: KeyframePair?
  /// The last moment at which the replayed guests' states are equal.
  public var lastEqual: CommonMoment?
  /// The first moment found at which they differ, and in what.
  public var state: MemoryDifference?
  /// The instruction at which the replayed guests part.
  public var instruction: Instruction?
  /// Where RDTSC, RDRAND and their like were trapped, in the order of their first execution; `nil` when
  /// none was looked for or none was executed.
  public var sites: [Site]?
  /// Why it was not looked any further; `nil` when nothing was left out.
  public var obstacle: String?

  /// Makes an explanation.
  public init(_ cause: Cause, _ certainty: Certainty, summary: String) {
    self.cause = cause
    self.certainty = certainty
    self.summary = summary
  }
}
