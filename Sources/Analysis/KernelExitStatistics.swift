public import Trace

/// Counts and times of the exits the kernel saw, beside those the runner saw.
public struct KernelExitStatistics: Codable, Equatable, Sendable {
  /// How they are known.
  public var source = KernelExitSource()
  /// By reason, most samples first.
  public var reasons: [KernelExitRow] = []
  /// Nested-paging faults by guest page, most first.
  public var faultPages: [FaultPageRow] = []
  /// Nested-paging faults in pages beyond the table's limit.
  public var otherFaults: UInt64 = 0
  /// Nested-paging faults counted whose address is not known.
  public var faultsWithoutAddress: UInt64 = 0
  /// Kernel exits lost to damaged blocks that were skipped.
  public var lostToDamage: UInt64 = 0

  /// Pages told apart at most.
  public static let maximumPages = 1 << 16
  /// Reasons told apart at most: more are a hostile reel's.
  public static let maximumReasons = 4096

  /// Nothing known.
  init() {}

  /// Counts a reel's kernel exits in one pass.
  ///
  /// - Parameter name: names the reasons.
  /// - Throws: the ``TraceError`` of the first damaged block, unless those are skipped.
  public init(
    _ reel: Reel, _ selection: ExitStatistics.Selection, name: KernelExitName
  ) throws(TraceError) {
    source = KernelExitSource(reel)
    var collector = Collector()
    var cursor = KernelExitCursor(reel, from: selection.range?.lowerBound ?? 0)
    while true {
      do throws(TraceError) {
        guard let exit = try cursor.next() else { break }
        if let range = selection.range, exit.anchor >= range.upperBound { break }
        if let vcpu = selection.vcpu, exit.vcpu != vcpu { continue }
        collector.count(exit)
      } catch {
        guard selection.skipsDamagedBlocks else { throw error }
        collector.before = [:]
      }
    }
    lostToDamage = cursor.skippedExits
    reasons = collector.rows(name)
    faultPages = collector.pages.map {
      FaultPageRow(page: HexWord($0.key &<< 12), counts: $0.value)
    }
    .sorted { ($1.faults, $0.page) < ($0.faults, $1.page) }
    otherFaults = collector.otherFaults
    faultsWithoutAddress = collector.faultsWithoutAddress
  }
}

/// One reason and what its exits cost.
public struct KernelExitRow: Codable, Equatable, Sendable {
  /// `EPT_VIOLATION`, `npf`; the code in hex where it has no name.
  public var name: String
  /// `vmx`, `svm`.
  public var isa: String
  /// The code, all bits.
  public var code: HexWord
  /// The exits.
  public var samples: UInt64
  /// Their share of all, in percent.
  public var samplesPercent: Double
  /// Exits the kernel handled alone.
  public var handled: UInt64
  /// Exits after which KVM_RUN returned to the runner.
  public var returned: UInt64
  /// Exits after which a signal ended KVM_RUN.
  public var interrupted: UInt64
  /// From entering the guest to this exit.
  public var inGuest: DurationSummary
  /// From this exit to the next entry, for exits the kernel handled alone.
  public var inKernel: DurationSummary
}

/// A page of guest physical memory and the faults of nested paging in it.
public struct FaultPageRow: Codable, Equatable, Sendable {
  /// The page's guest physical address.
  public var page: HexWord
  /// The faults.
  public var faults: UInt64
  /// Those of them that were writes.
  public var writes: UInt64
  /// Those of them that were instruction fetches.
  public var fetches: UInt64

  init(page: HexWord, counts: FaultCounts) {
    self.page = page
    faults = counts.all
    writes = counts.writes
    fetches = counts.fetches
  }
}

struct FaultCounts {
  var all: UInt64 = 0
  var writes: UInt64 = 0
  var fetches: UInt64 = 0

  mutating func add(_ exit: KernelExitRecord) {
    all += 1
    // The access: EPT violations in bits 0–2, the error code of SVM as a page fault's.
    let isWrite = exit.info1 >> 1 & 1 != 0
    let isFetch = exit.info1 >> (exit.isa == 2 ? 4 : 2) & 1 != 0
    if isFetch { fetches += 1 } else if isWrite { writes += 1 }
  }
}

private struct Collector {
  private struct Key: Hashable {
    var isa: UInt8
    var reason: UInt64
  }

  private struct Row {
    var samples: UInt64 = 0
    var handled: UInt64 = 0
    var returned: UInt64 = 0
    var interrupted: UInt64 = 0
    var inGuest = DurationAccumulator()
    var inKernel = DurationAccumulator()
  }

  private var rows: [Key: Row] = [:]
  /// The exit before of each vCPU.
  var before: [UInt16: KernelExitRecord] = [:]
  var pages: [UInt64: FaultCounts] = [:]
  var otherFaults: UInt64 = 0
  var faultsWithoutAddress: UInt64 = 0

  mutating func count(_ exit: KernelExitRecord) {
    countPage(exit)
    let key = key(of: exit)
    rows[key, default: Row()].samples += 1
    if exit.flags.isHandled { rows[key]?.handled += 1 }
    if exit.flags.contains(.returned) { rows[key]?.returned += 1 }
    if exit.flags.contains(.interrupted) { rows[key]?.interrupted += 1 }
    if exit.flags.contains(.entryTime) {
      if exit.exitTime >= exit.entryTime {
        rows[key]?.inGuest.add(exit.exitTime - exit.entryTime)
      }
      finish(exit)
    }
    before[exit.vcpu] = exit
  }

  /// The entry before this exit ended what the kernel did about the exit before.
  private mutating func finish(_ exit: KernelExitRecord) {
    guard let last = before[exit.vcpu], last.flags.isHandled, exit.entryTime >= last.exitTime
    else { return }
    rows[key(of: last)]?.inKernel.add(exit.entryTime - last.exitTime)
  }

  private func key(of exit: KernelExitRecord) -> Key {
    let key = Key(isa: exit.isa, reason: exit.reason)
    guard rows[key] == nil, rows.count >= KernelExitStatistics.maximumReasons else { return key }
    return Key(isa: exit.isa, reason: .max)
  }

  private mutating func countPage(_ exit: KernelExitRecord) {
    guard exit.isNestedPagingFault else { return }
    guard exit.flags.contains(.address) else {
      faultsWithoutAddress += 1
      return
    }
    let page = exit.address >> 12
    if pages[page] == nil, pages.count >= KernelExitStatistics.maximumPages {
      otherFaults += 1
    } else {
      pages[page, default: FaultCounts()].add(exit)
    }
  }

  func rows(_ name: KernelExitName) -> [KernelExitRow] {
    let all = rows.values.reduce(0.0) { $0 + Double($1.samples) }
    return rows.map { key, row in
      KernelExitRow(
        name: name.name(isa: key.isa, reason: key.reason), isa: KernelExitName.isa(key.isa),
        code: HexWord(key.reason), samples: row.samples,
        samplesPercent: all > 0 ? 100 * Double(row.samples) / all : 0, handled: row.handled,
        returned: row.returned, interrupted: row.interrupted, inGuest: row.inGuest.summary,
        inKernel: row.inKernel.summary)
    }.sorted { ($1.samples, $0.name) < ($0.samples, $1.name) }
  }
}

extension KernelExitRecord {
  /// Whether this is a fault of nested paging: EPT_VIOLATION, EPT_MISCONFIG or NPF.
  public var isNestedPagingFault: Bool {
    switch isa {
    case 1: [48, 49].contains(reason & 0xffff)
    case 2: reason == 0x400
    default: false
    }
  }
}
