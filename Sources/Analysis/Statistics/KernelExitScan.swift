public import Trace

/// Walks the exits that the kernel saw and hands each, complete with its times, to an observer.
public struct KernelExitScan {
  /// Kernel exits lost to damaged blocks that were skipped.
  public private(set) var lostExits: UInt64 = 0
  /// Told after each block how many kernel exits were walked over.
  public var onProgress: ((UInt64) -> Void)?
  /// Faults of nested paging whose address is not known.
  public private(set) var faultsWithoutAddress: UInt64 = 0

  private let reel: Reel
  private let selection: ExitSelection
  private let isHandledAlone: Bool
  private var pending: [ExitSample?] = [nil]
  private var slots: [UInt16: Int] = [0: 0]
  /// The vCPUs that were met, selected or not.
  var vcpus: Set<UInt16> { Set(slots.keys) }
  private var batch = ExitBatch()
  private var nextBlock = 0
  private var walked: UInt64 = 0

  /// Prepares a scan.
  ///
  /// - Parameter isHandledAlone: whether to leave out the exits that reached the runner.
  public init(
    _ reel: Reel, _ selection: ExitSelection = ExitSelection(), isHandledAlone: Bool = false
  ) {
    self.reel = reel
    self.selection = selection
    self.isHandledAlone = isHandledAlone
  }

  /// Scans the reel.
  ///
  /// - Throws: the ``TraceError`` of the first damaged block, unless those are skipped.
  public mutating func run(_ observer: inout some ExitObserver) throws(TraceError) {
    try resume(reel, &observer)
    finish(&observer)
  }

  /// Scans the blocks that were not there before, of a reel that is still being recorded.
  public mutating func resume(
    _ reel: Reel, _ observer: inout some ExitObserver
  ) throws(TraceError) {
    let columns = observer.columns
    var fields: KernelExitRun.Fields = selection.isAll ? [] : [.anchors]
    if columns.contains(.address) || columns.contains(.width) {
      fields.formUnion([.accesses, .anchors])
    }
    if columns.contains(.ripDelta) { fields.formUnion([.rips, .anchors]) }
    var run = KernelExitRun()
    while nextBlock < reel.kernelExitBlocks.count {
      let block = reel.kernelExitBlocks[nextBlock]
      nextBlock += 1
      walked &+= UInt64(block.header.eventCount)
      defer { onProgress?(walked) }
      do throws(TraceError) {
        try reel.forEachRun(ofKernelExits: block, fields, in: &run) { run in
          take(run, &observer)
        }
      } catch {
        guard selection.skipsDamagedBlocks else { throw error }
        lostExits &+= UInt64(block.header.eventCount)
        for slot in pending.indices { pending[slot] = nil }
      }
    }
  }

  /// Hands out the exits that nothing followed.
  public mutating func finish(_ observer: inout some ExitObserver) {
    for (_, slot) in slots.sorted(by: { $0.key < $1.key }) {
      if let exit = pending[slot] { hand(exit, to: &observer) }
      pending[slot] = nil
    }
  }

  private mutating func take(
    _ run: borrowing KernelExitRun, _ observer: inout some ExitObserver
  ) {
    let (isas, reasons, flags) = (run.isas.span, run.reasons.span, run.flags.span)
    for row in 0..<run.count
    where flags[row] & UInt64(KernelExitFlags.address.rawValue) == 0
      && ExitSample.isNestedPagingFault(isa: isas[row], reasons[row])
    {
      faultsWithoutAddress &+= 1
    }
    if observer.takesBatches, selection.isAll, !isHandledAlone, batch.fill(run) {
      complete(0, run.flags[0], run.entryTimes[0], &observer)
      observer.observe(batch, of: run)
      pending[0] = ExitSample(run, run.count - 1)
      return
    }
    for row in 0..<run.count {
      let vcpu = UInt16(truncatingIfNeeded: run.vcpus[row])
      let slot = slot(of: vcpu)
      complete(slot, run.flags[row], run.entryTimes[row], &observer)
      guard
        selection.isAll
          || selection.holds(run.anchors[row], vcpu: vcpu, exitTime: run.exitTimes[row])
      else { continue }
      pending[slot] = ExitSample(run, row)
    }
  }

  /// The entry before an exit ended what was done about the exit before.
  private mutating func complete(
    _ slot: Int, _ flags: UInt64, _ entryTime: UInt64, _ observer: inout some ExitObserver
  ) {
    guard var before = pending[slot] else { return }
    pending[slot] = nil
    if flags & UInt64(KernelExitFlags.entryTime.rawValue) != 0, entryTime >= before.exitTime {
      before.handlingNanoseconds = entryTime &- before.exitTime
      before.traits.insert(.handlingTime)
    }
    hand(before, to: &observer)
  }

  private mutating func slot(of vcpu: UInt16) -> Int {
    if let slot = slots[vcpu] { return slot }
    slots[vcpu] = pending.count
    pending.append(nil)
    return pending.count - 1
  }

  private func hand(_ exit: ExitSample, to observer: inout some ExitObserver) {
    if isHandledAlone, !exit.traits.contains(.handledByKernel) { return }
    observer.observe(exit)
  }
}

extension ExitSample {
  /// The sample of a kernel exit, without what comes after it.
  init(_ run: borrowing KernelExitRun, _ row: Int) {
    self.init()
    index = run.anchors[row]
    let isa = UInt8(truncatingIfNeeded: run.isas[row])
    // A reel may say that a kernel exit is of instruction set 0, which stands for the runner here.
    reason = ExitReason(isa: isa == 0 ? .max : isa, code: run.reasons[row])
    vcpu = UInt16(truncatingIfNeeded: run.vcpus[row])
    rip = run.rips[row]
    entryTime = run.entryTimes[row]
    exitTime = run.exitTimes[row]
    let flags = KernelExitFlags(rawValue: UInt8(truncatingIfNeeded: run.flags[row]))
    if flags.contains(.entryTime), exitTime >= entryTime { traits.insert(.guestTime) }
    traits.formUnion(Self.outcome(flags))
    takeAccess(of: run, row, flags)
  }

  /// The sample of a kernel exit of a batch.
  init(_ run: borrowing KernelExitRun, _ row: Int, batch: borrowing ExitBatch) {
    self.init(run, row)
    handlingNanoseconds = batch.handling[row]
    traits.insert(.handlingTime)
  }

  /// What became of a kernel exit.
  @inline(__always)
  static func outcome(_ flags: KernelExitFlags) -> Traits {
    if flags.isHandled { return .handledByKernel }
    var traits: Traits = []
    if flags.contains(.returned) { traits.insert(.returned) }
    if flags.contains(.interrupted) { traits.insert(.interrupted) }
    return traits
  }

  /// Takes the access that the kernel's own tracepoints tell, else the one the hardware tells.
  private mutating func takeAccess(
    of run: borrowing KernelExitRun, _ row: Int, _ flags: KernelExitFlags
  ) {
    let info1 = run.info1s[row]
    if let access = Self.tracedAccess(of: run, row) {
      space = access.space
      address = run.addresses[row]
      isWrite = access.isWrite
      byteCount = run.widths[row] &* max(1, run.counts[row])
    } else if let port = Self.portAccess(of: run, row) {
      space = .port
      address = port.port
      isWrite = port.isWrite
      byteCount = port.width
    } else if Self.isNestedPagingFault(isa: run.isas[row], run.reasons[row]),
      flags.contains(.address)
    {
      space = .memory
      // By pages: what is missing is a page, not an address.
      address = run.addresses[row] & ~0xfff
      // The access: EPT violations in bits 0–2, the error code of SVM as a page fault's.
      isWrite = info1 >> 1 & 1 != 0
      if info1 >> (run.isas[row] == 2 ? 4 : 2) & 1 != 0 {
        traits.insert(.fetch)
        isWrite = false
      }
    }
  }

  /// Whether an exit is a fault of nested paging: EPT_VIOLATION, EPT_MISCONFIG or NPF.
  @inline(__always)
  static func isNestedPagingFault(isa: UInt64, _ reason: UInt64) -> Bool {
    isa == 1 ? reason & 0xffff == 48 || reason & 0xffff == 49 : isa == 2 && reason == 0x400
  }

  /// The access of a kernel exit, where the kernel's own tracepoints tell it.
  @inline(__always)
  private static func tracedAccess(
    of run: borrowing KernelExitRun, _ row: Int
  ) -> KernelExitAccess? {
    let access = KernelExitAccess(rawValue: UInt8(truncatingIfNeeded: run.accesses[row]))
    let isKnown = run.flags[row] & UInt64(KernelExitFlags.address.rawValue) != 0
    return access != .none && isKnown ? access : nil
  }

  /// The bytes that a kernel exit moved.
  @inline(__always)
  static func byteCount(of run: borrowing KernelExitRun, _ row: Int) -> UInt64 {
    if tracedAccess(of: run, row) != nil { return run.widths[row] &* max(1, run.counts[row]) }
    return portAccess(of: run, row)?.width ?? 0
  }

  /// The port that a kernel exit accessed: as traced, else from the qualification of an I/O exit or
  /// its EXITINFO1.
  @inline(__always)
  static func portAccess(
    of run: borrowing KernelExitRun, _ row: Int
  ) -> (port: UInt64, isWrite: Bool, width: UInt64)? {
    if let access = tracedAccess(of: run, row) {
      guard access.kind == .port else { return nil }
      return (run.addresses[row], access.isWrite, run.widths[row] &* max(1, run.counts[row]))
    }
    let (isa, reason, info1) = (run.isas[row], run.reasons[row], run.info1s[row])
    if isa == 1, reason & 0xffff == 30 {
      return (info1 >> 16 & 0xffff, info1 >> 3 & 1 == 0, (info1 & 7) + 1)
    }
    if isa == 2, reason == 0x7b {
      return (info1 >> 16 & 0xffff, info1 & 1 == 0, info1 >> 4 & 7)
    }
    return nil
  }
}

extension KernelExitAccess {
  fileprivate var space: AddressSpace {
    switch kind {
    case .port: .port
    case .memory: .memory
    case .msr: .msr
    default: .none
    }
  }
}

extension KernelExitRecord {
  /// Whether this is a fault of nested paging: EPT_VIOLATION, EPT_MISCONFIG or NPF.
  public var isNestedPagingFault: Bool {
    ExitSample.isNestedPagingFault(isa: UInt64(isa), reason)
  }
}
