public import Trace

/// What `verify` found: every damaged or inconsistent place of a reel, and what was checked.
public struct ReelVerification: Codable, Equatable, Sendable {
  /// The schema of the Codable form.
  public static let schemaName = "vmreel.verify/1"
  /// Findings kept; further ones are only counted.
  public static let maximumFindings = 1000

  /// ``schemaName``.
  public var schema = Self.schemaName
  /// What is wrong, in the order it was found.
  public var findings: [Finding] = []
  /// Findings beyond ``maximumFindings``.
  public var unlistedFindings: UInt64 = 0
  /// What was checked.
  public var checked = Checked()
  /// Whether the guest's memory was stripped from the reel: there are no pages to check.
  public var isStripped = false

  /// Whether nothing is wrong; notes may be there.
  public var isSound: Bool { findings.allSatisfy { $0.severity == .note } && unlistedFindings == 0 }

  /// Something wrong, and where.
  public struct Finding: Codable, Equatable, Sendable {
    /// How bad it is.
    public enum Severity: String, Codable, Sendable {
      /// Bytes are not what was written, or contradict each other.
      case damage
      /// The reel stops early: its recorder was stopped, or the file was cut.
      case incomplete
      /// A part could not be checked, for instance pages without their key.
      case unchecked
      /// Nothing is wrong, but something is there that this version neither writes nor reads.
      case note
    }

    /// How bad it is.
    public var severity: Severity
    /// Where in the file, in bytes: the block's header, or the place where blocks should go on.
    public var offset: UInt64
    /// The block's type; `file header`, `block header` or `file` outside blocks.
    public var block: String
    /// What is wrong.
    public var message: String
  }

  /// How much was checked.
  public struct Checked: Codable, Equatable, Sendable {
    /// Bytes in the file.
    public var bytes: UInt64 = 0
    /// Blocks whose checksum was compared.
    public var blocks: UInt64 = 0
    /// Blocks of unknown types: their checksum was compared, their content not understood.
    public var unknownBlocks: UInt64 = 0
    /// Events decoded.
    public var events: UInt64 = 0
    /// Columns of unknown kinds that were skipped.
    public var skippedColumns: UInt64 = 0
    /// Kernel exits decoded.
    public var kernelExits: UInt64 = 0
    /// Pages whose identity was computed.
    public var pages: UInt64 = 0
    /// Keyframes whose pages and parent were looked up.
    public var keyframes: UInt64 = 0
  }

  /// Reads all of a reel and checks everything that can be checked without running it.
  ///
  /// Never throws: what cannot be read is a finding.
  public init(_ source: any ReelSource) {
    var verifier = ReelVerifier(Reel(salvaging: source))
    verifier.run()
    verifier.checkReservedBytes(of: source)
    verifier.sort()
    self = verifier.result
  }

  /// Nothing found and nothing checked yet.
  init() {}

  mutating func add(_ finding: Finding) {
    if findings.count < Self.maximumFindings {
      findings.append(finding)
    } else {
      unlistedFindings += 1
    }
  }
}
