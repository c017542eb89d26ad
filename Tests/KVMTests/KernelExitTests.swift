import Machine
import Testing

@testable import KVM

/// The text of a tracepoint's format file.
private let exitFormat = """
  name: kvm_exit
  ID: 103
  format:
  \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;

  \tfield:unsigned int exit_reason;\toffset:8;\tsize:4;\tsigned:0;
  \tfield:unsigned long guest_rip;\toffset:16;\tsize:8;\tsigned:0;
  \tfield:char odd[3];\toffset:24;\tsize:3;\tsigned:0;

  print fmt: "vcpu %u", REC->vcpu_id
  """

@Suite struct TracepointFormatTests {
  @Test("Numbers, offsets and sizes are taken from the kernel's own text")
  func fields() throws {
    let format = try TracepointFormat(parsing: exitFormat, name: "kvm:kvm_exit")
    #expect(format.number == 103)
    #expect(try format.field("guest_rip") == TracepointFormat.Field(offset: 16, size: 8))
    #expect(try format.field("exit_reason") == TracepointFormat.Field(offset: 8, size: 4))
  }

  @Test(
    "A field that is not there, or not of a readable size, is named", arguments: ["isa", "odd[3]"])
  func missing(field: String) throws {
    let format = try TracepointFormat(parsing: exitFormat, name: "kvm:kvm_exit")
    let error = #expect(throws: ProcessorError.self) { try format.field(field) }
    #expect(error?.operation == "reading the tracepoint kvm:kvm_exit")
    #expect(error?.advice?.contains(field) == true)
  }

  @Test(
    "A text that is no format is refused, not guessed at",
    arguments: [
      "", "ID: 5", "ID: 99999999\n\tfield:int a;\toffset:0;\tsize:4;",
      "ID: x\n\tfield:int a;\toffset:0;\tsize:4;", "\tfield:int a;\toffset:0;\tsize:4;",
      "ID: 5\n\tfield:int a;\toffset:-8;\tsize:4;", "ID: 5\n\tfield:int a;\toffset:99999;\tsize:4;",
    ])
  func hostile(text: String) {
    #expect(throws: ProcessorError.self) { try TracepointFormat(parsing: text, name: "kvm:x") }
  }
}

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
    let second = assembly.runReturned(interrupted: false)
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
    #expect(assembly.runReturned(interrupted: true)?.guestPhysicalAddress == 0xabc)
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
}
