public import Trace

/// Walks the exits that the kernel saw and hands each, complete with its times, to an observer.
public struct KernelExitScan {
  /// Kernel exits lost to damaged blocks that were skipped.
  public private(set) var lostExits: UInt64 = 0
  /// Faults of nested paging whose address is not known.
  public private(set) var faultsWithoutAddress: UInt64 = 0

  private let reel: Reel
  private let selection: ExitSelection
  private let isHandledAlone: Bool
  private var pending: [UInt16: ExitSample] = [:]
  private var nextBlock = 0

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
    while nextBlock < reel.kernelExitBlocks.count {
      let block = reel.kernelExitBlocks[nextBlock]
      nextBlock += 1
      do throws(TraceError) {
        for exit in try reel.kernelExits(of: block).exits { take(exit, &observer) }
      } catch {
        guard selection.skipsDamagedBlocks else { throw error }
        lostExits &+= UInt64(block.header.eventCount)
        pending = [:]
      }
    }
  }

  /// Hands out the exits that nothing followed.
  public mutating func finish(_ observer: inout some ExitObserver) {
    for (_, exit) in pending.sorted(by: { $0.key < $1.key }) { hand(exit, to: &observer) }
    pending = [:]
  }

  @inline(__always)
  private mutating func take(_ exit: KernelExitRecord, _ observer: inout some ExitObserver) {
    if var before = pending.removeValue(forKey: exit.vcpu) {
      // The entry before this exit ended what was done about the exit before.
      if exit.flags.contains(.entryTime), exit.entryTime >= before.exitTime {
        before.handlingNanoseconds = exit.entryTime &- before.exitTime
        before.traits.insert(.handlingTime)
      }
      hand(before, to: &observer)
    }
    guard selection.isAll || selection.holds(exit.anchor, vcpu: exit.vcpu, exitTime: exit.exitTime)
    else { return }
    if exit.isNestedPagingFault, !exit.flags.contains(.address) { faultsWithoutAddress &+= 1 }
    pending[exit.vcpu] = ExitSample(exit)
  }

  private func hand(_ exit: ExitSample, to observer: inout some ExitObserver) {
    if isHandledAlone, !exit.traits.contains(.handledByKernel) { return }
    observer.observe(exit)
  }
}

extension ExitSample {
  /// The sample of a kernel exit, without what comes after it.
  init(_ exit: KernelExitRecord) {
    self.init()
    index = exit.anchor
    reason = ExitReason(isa: exit.isa, code: exit.reason)
    vcpu = exit.vcpu
    rip = exit.rip
    entryTime = exit.entryTime
    exitTime = exit.exitTime
    if exit.flags.contains(.entryTime), exit.exitTime >= exit.entryTime {
      traits.insert(.guestTime)
    }
    if exit.flags.isHandled { traits.insert(.handledByKernel) }
    if exit.flags.contains(.returned) { traits.insert(.returned) }
    if exit.flags.contains(.interrupted) { traits.insert(.interrupted) }
    takeAccess(of: exit)
  }

  private mutating func takeAccess(of exit: KernelExitRecord) {
    if let port = exit.portAccess {
      space = .port
      address = port.port
      isWrite = port.isWrite
      byteCount = port.width
    } else if exit.isNestedPagingFault, exit.flags.contains(.address) {
      space = .memory
      address = exit.address
      // The access: EPT violations in bits 0–2, the error code of SVM as a page fault's.
      isWrite = exit.info1 >> 1 & 1 != 0
      if exit.info1 >> (exit.isa == 2 ? 4 : 2) & 1 != 0 {
        traits.insert(.fetch)
        isWrite = false
      }
    }
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

  /// The port access of an I/O exit, from its qualification or EXITINFO1.
  var portAccess: (port: UInt64, isWrite: Bool, width: UInt64)? {
    if isa == 1, reason & 0xffff == 30 {
      return (info1 >> 16 & 0xffff, info1 >> 3 & 1 == 0, (info1 & 7) + 1)
    }
    if isa == 2, reason == 0x7b {
      return (info1 >> 16 & 0xffff, info1 & 1 == 0, info1 >> 4 & 7)
    }
    return nil
  }
}
