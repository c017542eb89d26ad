internal import Trace

/// What is fuzzed: each target is a part of vmreel that reads what others wrote.
///
/// `tools/fuzz` runs them under libFuzzer; tests run the inputs that once went wrong.
public enum FuzzTarget: String, CaseIterable, Sendable {
  /// The file header, with its checksum made good.
  case header
  /// Whole reels: their blocks in any order, and files as they are with their checksums made good.
  case reel
  /// The index and the blocks it lists.
  case index
  /// The columns of events.
  case events
  /// The columns of kernel exits.
  case kernelExits = "kernel-exits"
  /// Pages, keyframes and their page maps.
  case keyframes
  /// Host totals and the end record.
  case totals
  /// The metadata's JSON.
  case metadata
  /// The multiboot loader.
  case multiboot
  /// ELF kernels, and the search for RDTSC in them.
  case elf
  /// bzImages and what is packed into them, and initrds.
  case bzImage = "bzimage"
  /// Symbol files: System.map, nm's output and ELF files.
  case symbols
  /// The expressions of `stats --assert`.
  case assertion
  /// Logs of other tools.
  case `import`

  static let blockTypes: [ReelAssembly.Part] =
    (1...9).map { .block(BlockType(rawValue: $0)) } + [.block(BlockType(rawValue: 300)), .capture]

  /// The blocks that the inputs of a target are made of; none where an input is no list of blocks.
  var parts: [ReelAssembly.Part] {
    switch self {
    case .reel: Self.blockTypes
    case .events: [.block(.events)]
    case .kernelExits: [.block(.kernelExits)]
    case .keyframes: [.capture, .block(.keyframe), .block(.pages)]
    case .totals: [.block(.hostTotals), .block(.end)]
    case .header, .index, .metadata, .multiboot, .elf, .bzImage, .symbols, .assertion, .import: []
    }
  }

  /// Reads an input; traps when something is wrong.
  ///
  /// - Parameter isThorough: whether a reel goes through every command's eyes, which takes a
  ///   hundred times as long as decoding it.
  public func run(_ bytes: [UInt8], isThorough: Bool = true) {
    switch self {
    case .multiboot: LoaderInput.multiboot(bytes)
    case .elf: LoaderInput.elf(bytes)
    case .bzImage: LoaderInput.bzImage(bytes)
    case .symbols: StatisticsInput.symbols(bytes)
    case .assertion: StatisticsInput.assertion(bytes)
    case .import: LogInput.run(bytes)
    default:
      if self == .header { ReelReading.run(bytes) }
      guard let reel = reel(bytes) else { return }
      if isThorough { ReelReading.run(reel) } else { ReelReading.decode(reel) }
    }
  }

  /// The file that an input stands for; `nil` where it is no reel.
  public func reel(_ input: [UInt8]) -> [UInt8]? {
    switch self {
    case .header: SealedFile.header(input)
    case .reel where input.first == 0xff: SealedFile.file(Array(input.dropFirst()))
    case .reel, .events, .kernelExits, .keyframes, .totals: ReelAssembly.reel(input, parts: parts)
    case .index: IndexedReel.reel(input)
    case .metadata: ReelAssembly.reel([1], parts: [.capture], metadata: input)
    case .multiboot, .elf, .bzImage, .symbols, .assertion, .import: nil
    }
  }
}
