internal import Bytes
public import Trace

/// A small reel of a kind that no recorder may make yet, kept in `traces/golden`.
public struct GoldenReel: Sendable {
  /// The file's name without `.reel`.
  public let name: String
  /// What the reel says about itself.
  public let metadata: Metadata
  private let make: @Sendable (_ metadataJSON: [UInt8]) -> [UInt8]

  fileprivate init(
    _ name: String, metadata: Metadata, make: @escaping @Sendable ([UInt8]) -> [UInt8]
  ) {
    self.name = name
    self.metadata = metadata
    self.make = make
  }

  /// - Parameter extraMetadata: members of the JSON object that ``Metadata`` does not have yet.
  fileprivate init(
    _ name: String, extraMetadata: String = "",
    _ change: (inout SyntheticReel.Configuration) -> Void
  ) {
    var configuration = SyntheticReel.Configuration()
    configuration.eventCount = 260
    configuration.keyframeInterval = 64
    configuration.loopLimit = 2
    configuration.pageCount = 256
    configuration.basePageCount = 1
    configuration.changedPageCount = 1
    change(&configuration)
    let chosen = configuration
    self.init(name, metadata: chosen.metadata(tool: "synthetic")) { metadataJSON in
      SyntheticReel.bytes(
        chosen, pageKey: GoldenReels.pageKey,
        metadataJSON: metadataJSON.dropLast() + Array((extraMetadata + "}").utf8),
        blockSize: GoldenReels.blockSize)
    }
  }

  /// The reel's bytes; equal contents whenever they are made, equal bytes with the same zstd.
  ///
  /// - Parameter metadataJSON: ``metadata`` as JSON.
  public func bytes(metadataJSON: [UInt8]) -> [UInt8] { make(metadataJSON) }
}

/// The golden reels: what the format must carry although nothing records it yet.
public enum GoldenReels {
  static let pageKey = [UInt8](0..<16)
  /// Events in a block: so few that there are several blocks.
  static let blockSize = 100

  /// All of them.
  public static let all = [
    GoldenReel("two-vcpus") { $0.vcpuCount = 2 },
    GoldenReel("nested-state") { $0.extraState = [nestedState] },
    GoldenReel("dma-two-disks", extraMetadata: disks) { $0.diskCount = 2 },
    GoldenReel("frozen-timestamp") { $0.freezesTimestamp = true },
    GoldenReel("kernel-exits-lost") {
      $0.instructionSet = 2
      $0.lostKernelExitsPerThousand = 150
      $0.eventCount = 180
    },
    GoldenReel("trimmed") {
      $0.firstEvent = 70_000
      $0.firstKeyframe = 12
    },
    GoldenReel("resynced") { $0.hasResyncs = true },
    statisticsOnly,
  ]

  /// The disks of ``SyntheticReel/Configuration/diskCount`` 2 and their images.
  private static var disks: String {
    func image(_ name: String, _ digit: String) -> String {
      let sha256 = String(repeating: digit, count: 64)
      return #"{"byteCount":67108864,"name":"\#(name)","sha256":"\#(sha256)"}"#
    }
    let devices = (0..<2).map { #"{"image":\#($0),"kind":"synthetic-disk","number":\#($0 + 1)}"# }
    return #","devices":["# + devices.joined(separator: ",") + #"],"images":["#
      + image("root.img", "a") + "," + image("data.img", "b") + "]"
  }

  /// A component of a kind and a version that no vmreel has: KVM_GET_NESTED_STATE's header
  /// (flags, format, size), then a page of the nested hypervisor's control structure.
  private static var nestedState: StateEntry {
    var writer = ByteWriter()
    writer.append(UInt16(1))
    writer.append(UInt16(1))
    writer.append(UInt32(128 + 4096))
    writer.append(bytes: [UInt8](repeating: 0, count: 120))
    for word in 0..<512 { writer.append(word % 9 == 0 ? UInt64(word) << 32 | 0x681e : 0) }
    return StateEntry(kind: 9, version: 2, bytes: writer.bytes)
  }

  private static var importedLog: Metadata.ImportedLog {
    Metadata.ImportedLog(
      format: "perf-script",
      sources: [
        .init(name: "perf.txt", sha256: String(repeating: "0", count: 64), byteCount: 60_000)
      ],
      firstNanoseconds: 25_468_352_193, lines: 700, events: 600, otherEvents: ["kvm_fpu": 99],
      unknownLines: ["no event": 1], unknownSamples: ["not a line of perf's"], lostEvents: 0,
      process: nil,
      vcpus: [
        .init(
          number: 0, logNumber: 0, thread: 4711, process: 4700, command: "CPU 0/KVM", exits: 194)
      ])
  }

  /// What an import of another tool's trace has: kernel exits and totals, no events, no keyframes.
  private static var statisticsOnly: GoldenReel {
    var configuration = SyntheticReel.Configuration()
    configuration.instructionSet = 1
    configuration.eventCount = 200
    configuration.loopLimit = 2
    configuration.keyframeInterval = 0
    configuration.basePageCount = 0
    let chosen = configuration
    var metadata = chosen.metadata(tool: "synthetic")
    metadata.guest.kind = "imported"
    metadata.guest.name = "perf.txt"
    metadata.imported = importedLog
    return GoldenReel("statistics-only", metadata: metadata) { metadataJSON in
      let assembler = ReelAssembler(
        pageKey: pageKey, metadataJSON: metadataJSON, blockSize: blockSize)
      var reel = SyntheticReel(chosen)
      var batch = SyntheticBatch()
      while reel.nextBatch(&batch) {
        for var exit in batch.kernelExits {
          exit.anchor = 0
          exit.traceAccess()
          assembler.append(exit)
        }
        for var totals in batch.totals where totals.moment != .keyframe {
          totals.anchor = nil
          assembler.append(totals)
        }
      }
      var end = reel.end
      end.reason = .endOfLog
      (end.eventCount, end.guestMadeExits, end.keyframeCount) = (0, 0, 0)
      end.virtualTime = 0
      end.digest = RunningDigest.initial.value
      return assembler.finish(end)
    }
  }
}

extension KernelExitRecord {
  /// Adds what kvm_pio, kvm_mmio and kvm_msr would tell of an exit of VMX.
  fileprivate mutating func traceAccess() {
    switch reason {
    case 30:
      access = info1 & 8 != 0 ? .port : .port.asWrite
      width = UInt8(info1 & 7) + 1
      count = info1 & 0x10 != 0 ? 16 : 1
      address = info1 >> 16 & 0xffff
    case 31, 32:
      access = reason == 31 ? .msr : .msr.asWrite
      (width, count, address) = (8, 1, 0x277)
    case 48 where flags.contains(.returned):
      access = info1 & 2 == 0 ? .memory : .memory.asWrite
      (width, count) = (4, 1)
    default: return
    }
    value = rip & 0xff
    flags.insert(.address)
  }
}
