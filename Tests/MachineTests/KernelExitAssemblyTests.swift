import Machine
import Testing

@Suite struct KernelExitAssemblyTests {
  private func exit(_ isa: UInt8, _ reason: UInt64, at time: UInt64) -> KernelExit {
    var exit = KernelExit()
    exit.isa = isa
    exit.reason = reason
    exit.info2 = 0xabc
    exit.exitNanoseconds = time
    return exit
  }

  @Test("An EPT violation gets the address that follows it, and only that one")
  func addresses() {
    var assembly = KernelExitAssembly()
    #expect(assembly.enter(at: 10) == nil)
    #expect(assembly.leave(exit(1, 48, at: 20)) == nil)
    assembly.fault(at: 0x1234)
    assembly.fault(at: 0x9999)
    let first = assembly.enter(at: 30)
    #expect(first?.guestPhysicalAddress == 0x1234)
    #expect(first?.outcome == .handled)
    #expect(first?.entryNanoseconds == 10)
    // No address follows: unknown, and the one of a later exit is not taken for it.
    #expect(assembly.leave(exit(1, 49, at: 40)) == nil)
    assembly.runReturned(interrupted: false)
    let second = assembly.finish(.unknown)
    #expect(second?.guestPhysicalAddress == nil)
    #expect(second?.outcome == .returned)
    assembly.fault(at: 0x5555)
    #expect(assembly.unknownAddresses == 1)
    #expect(assembly.exitCount == 2)
  }

  @Test("An address never goes to an exit that is no nested-paging fault")
  func otherExits() {
    var assembly = KernelExitAssembly()
    _ = assembly.leave(exit(1, 30, at: 20))
    assembly.fault(at: 0x1234)
    #expect(assembly.finish(.handled)?.guestPhysicalAddress == nil)
    #expect(assembly.unknownAddresses == 0)
  }

  @Test("A nested page fault of SVM has its address in EXITINFO2")
  func svm() {
    var assembly = KernelExitAssembly()
    _ = assembly.leave(exit(2, 0x400, at: 20))
    assembly.fault(at: 0x1234)
    assembly.runReturned(interrupted: true)
    #expect(assembly.finish(.unknown)?.guestPhysicalAddress == 0xabc)
    #expect(assembly.interruptedRuns == 1)
    #expect(assembly.returnedRuns == 0)
  }

  @Test("Nothing is paired across lost records")
  func losses() {
    var assembly = KernelExitAssembly()
    _ = assembly.enter(at: 10)
    _ = assembly.leave(exit(1, 48, at: 20))
    let before = assembly.noteLoss(of: 7)
    #expect(before?.outcome == .unknown)
    assembly.fault(at: 0x1234)
    #expect(assembly.leave(exit(1, 48, at: 50)) == nil)
    #expect(assembly.enter(at: 60)?.entryNanoseconds == nil)
    #expect(assembly.lostRecords == 7)
    #expect(assembly.unknownAddresses == 2)
  }

  @Test("An exit that follows another without an entry ends that one")
  func withoutEntry() {
    var assembly = KernelExitAssembly()
    _ = assembly.enter(at: 10)
    _ = assembly.leave(exit(2, 0x7b, at: 20))
    let first = assembly.leave(exit(2, 0x60, at: 30))
    #expect(first?.reason == 0x7b)
    #expect(assembly.finish(.unknown)?.entryNanoseconds == nil)
  }

  @Test("What is read after the runner has answered belongs to the exit; the last access stays")
  func accesses() {
    var assembly = KernelExitAssembly()
    assembly.access(TracedAccess(.port, isWrite: true, width: 1, address: 0x80, value: 1))
    #expect(assembly.strayAccesses == 1)
    _ = assembly.enter(at: 10)
    _ = assembly.leave(exit(2, 0x7b, at: 20))
    assembly.access(TracedAccess(.port, isWrite: true, width: 1, address: 0x81, value: 2))
    assembly.runReturned(interrupted: false)
    // The completion of the instruction returns with EINTR, which is no news of the exit.
    assembly.runReturned(interrupted: true)
    let read = TracedAccess(.port, isWrite: false, width: 2, address: 0x82, value: 3)
    assembly.access(read)
    let exit = assembly.enter(at: 30)
    #expect(exit?.access == read)
    #expect(exit?.outcome == .returned)
    #expect(assembly.accessCount == 3)
    #expect(assembly.replacedAccesses == 1)
    #expect(assembly.returnedRuns == 1)
    #expect(assembly.interruptedRuns == 1)
  }
}
