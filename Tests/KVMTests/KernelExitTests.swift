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
