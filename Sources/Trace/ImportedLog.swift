extension Metadata {
  /// The log that a reel without events was imported from.
  public struct ImportedLog: Codable, Equatable, Sendable {
    /// `perf-script`, `trace-cmd-report` or `ftrace`.
    public var format: String
    /// The files, in the order they were read.
    public var sources: [Source]
    /// The time in the log that the reel's times count from, in nanoseconds.
    public var firstNanoseconds: UInt64
    /// Lines read.
    public var lines: UInt64
    /// Events that the kernel exits are made of.
    public var events: UInt64
    /// Events that tell nothing of an exit, by name.
    public var otherEvents: [String: UInt64]
    /// Lines that could not be read, by what is wrong with them.
    public var unknownLines: [String: UInt64]
    /// The first of those.
    public var unknownSamples: [String]
    /// Events that the log says were lost.
    public var lostEvents: UInt64
    /// The only process whose events were used, or its only thread; `nil` for all.
    public var process: UInt32?
    /// The vCPUs.
    public var vcpus: [VCPU]

    /// A file that was read.
    public struct Source: Codable, Equatable, Sendable {
      /// The file's name, `-` for standard input.
      public var name: String
      /// SHA-256 in hex.
      public var sha256: String
      /// Bytes.
      public var byteCount: UInt64

      /// Makes a source.
      public init(name: String, sha256: String, byteCount: UInt64) {
        self.name = name
        self.sha256 = sha256
        self.byteCount = byteCount
      }
    }

    /// A thread that ran a vCPU.
    public struct VCPU: Codable, Equatable, Sendable {
      /// Its number in the reel.
      public var number: UInt16
      /// Its number in the log, where that tells; the reel has another where two threads have one.
      public var logNumber: UInt64?
      /// The thread's number.
      public var thread: UInt32
      /// The process's number, where the log has it.
      public var process: UInt32?
      /// The thread's name.
      public var command: String
      /// Its exits.
      public var exits: UInt64

      /// Makes a vCPU.
      public init(
        number: UInt16, logNumber: UInt64?, thread: UInt32, process: UInt32?, command: String,
        exits: UInt64
      ) {
        self.number = number
        self.logNumber = logNumber
        self.thread = thread
        self.process = process
        self.command = command
        self.exits = exits
      }
    }

    /// Makes a description.
    public init(
      format: String, sources: [Source], firstNanoseconds: UInt64, lines: UInt64, events: UInt64,
      otherEvents: [String: UInt64], unknownLines: [String: UInt64], unknownSamples: [String],
      lostEvents: UInt64, process: UInt32?, vcpus: [VCPU]
    ) {
      self.format = format
      self.sources = sources
      self.firstNanoseconds = firstNanoseconds
      self.lines = lines
      self.events = events
      self.otherEvents = otherEvents
      self.unknownLines = unknownLines
      self.unknownSamples = unknownSamples
      self.lostEvents = lostEvents
      self.process = process
      self.vcpus = vcpus
    }
  }
}
