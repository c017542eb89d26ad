import Machine

/// One of the general registers a scripted program names.
enum Register: Sendable {
  case rax, rbx, rcx, rdx, rsi, rdi, rsp
}

extension GeneralRegisters {
  subscript(register: Register) -> UInt64 {
    get {
      switch register {
      case .rax: rax
      case .rbx: rbx
      case .rcx: rcx
      case .rdx: rdx
      case .rsi: rsi
      case .rdi: rdi
      case .rsp: rsp
      }
    }
    set {
      switch register {
      case .rax: rax = newValue
      case .rbx: rbx = newValue
      case .rcx: rcx = newValue
      case .rdx: rdx = newValue
      case .rsi: rsi = newValue
      case .rdi: rdi = newValue
      case .rsp: rsp = newValue
      }
    }
  }
}

/// An instruction of the scripted processor; each takes one address.
enum Operation: Sendable {
  /// Names the next instruction; takes no address.
  case label(String)
  case set(Register, UInt64)
  case add(Register, UInt64)
  case sum(Register, Register)
  case store(Register, UInt64)
  case load(Register, UInt64)
  case jump(String)
  case jumpUnlessZero(Register, String)
  case jumpIfBelow(Register, UInt64, String)
  /// CALL: pushes the address of the next instruction.
  case call(String)
  case returnFromCall
  /// Scrambles RCX this many times.
  case compute(Int)
  /// REP STOSB: AL to RDI, RCX times; RIP stays until it is done.
  case repeatStore
  /// Adds one to CR2, which no exit shows.
  case touchHidden
  case out(UInt16, width: UInt8)
  case input(UInt16, width: UInt8)
  case outString(UInt16, width: UInt8, count: UInt32)
  case inString(UInt16, width: UInt8, count: UInt32)
  case storeDevice(UInt64, width: UInt8)
  case loadDevice(UInt64, width: UInt8)
  /// Read-modify-write: adds RBX to a device location, in two exits.
  case addDevice(UInt64)
  /// A load of 8 bytes that crosses a page: two exits.
  case loadSplit(UInt64)
  /// A store of 8 bytes that crosses a page: two exits.
  case storeSplit(UInt64)
  case readMSR(UInt32)
  case writeMSR(UInt32)
  case halt
  /// RDTSC, to one register.
  case readTimestamp(Register)
  case enableInterrupts
  case disableInterrupts
  case returnFromInterrupt
  case shutdown
  case systemEvent
}

/// An assembled program: instruction N stands at address `base` + N.
struct ScriptedProgram: Sendable {
  static let base: UInt64 = 0x1000
  let operations: [Operation]
  let labels: [String: UInt64]

  /// Assembles; a label `vector-N` is the handler of interrupt N.
  init(_ source: [Operation]) {
    var operations: [Operation] = []
    var labels: [String: UInt64] = [:]
    for operation in source {
      if case .label(let name) = operation {
        labels[name] = Self.base + UInt64(operations.count)
      } else {
        operations.append(operation)
      }
    }
    self.operations = operations
    self.labels = labels
  }

  func operation(at address: UInt64) -> Operation? {
    let index = address &- Self.base
    return index < UInt64(operations.count) ? operations[Int(index)] : nil
  }

  func address(of label: String) -> UInt64 { labels[label] ?? 0 }

  func handler(of vector: UInt8) -> UInt64 { address(of: "vector-\(vector)") }
}

/// MOV AL, value; OUT port, AL.
func out(_ port: UInt16, _ value: UInt64) -> [Operation] {
  [.set(.rax, value), .out(port, width: 1)]
}
