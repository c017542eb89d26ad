import Machine

extension ScriptedProcessor {
  /// Delivers a pending interrupt or executes one instruction.
  ///
  /// - Returns: the exit it makes, or `nil`.
  func execute() -> ExitReason? {
    if let vector = injected {
      deliver(vector)
      return nil
    }
    guard let operation = program.operation(at: registers.rip) else {
      return .internalError(suberror: 1)
    }
    hasShadow = false
    if let reason = access(operation) { return reason }
    return compute(operation)
  }

  private func deliver(_ vector: UInt8) {
    injected = nil
    registers.rsp &-= 16
    storeRAM(registers.rip, at: registers.rsp, count: 8)
    storeRAM(registers.rflags, at: registers.rsp &+ 8, count: 8)
    registers.rflags &= ~RFlags.interruptEnable
    registers.rip = program.handler(of: vector)
  }

  // MARK: Instructions without an exit to answer

  private func compute(_ operation: Operation) -> ExitReason? {
    var next = registers.rip &+ 1
    switch operation {
    case .set(let register, let value): registers[register] = value
    case .add(let register, let value): registers[register] &+= value
    case .sum(let target, let source): registers[target] &+= registers[source]
    case .store(let register, let address): storeRAM(registers[register], at: address, count: 8)
    case .load(let register, let address): registers[register] = loadRAM(address, count: 8)
    case .jump(let label): next = program.address(of: label)
    case .jumpUnlessZero(let register, let label):
      if registers[register] != 0 { next = program.address(of: label) }
    case .jumpIfBelow(let register, let value, let label):
      if registers[register] < value { next = program.address(of: label) }
    case .compute(let rounds):
      for _ in 0..<rounds { registers.rcx = registers.rcx &* 6_364_136_223_846_793_005 &+ 1 }
    case .repeatStore:
      guard registers.rcx > 0 else { break }
      storeRAM(registers.rax, at: registers.rdi, count: 1)
      registers.rdi &+= 1
      registers.rcx -= 1
      if registers.rcx > 0 { next = registers.rip }
    case .call(let label):
      registers.rsp &-= 8
      storeRAM(next, at: registers.rsp, count: 8)
      next = program.address(of: label)
    case .returnFromCall:
      next = loadRAM(registers.rsp, count: 8)
      registers.rsp &+= 8
    case .touchHidden: hidden += 1
    case .readTimestamp(let register): registers[register] = timestamp
    default: return control(operation)
    }
    registers.rip = next
    return nil
  }

  private func control(_ operation: Operation) -> ExitReason? {
    registers.rip &+= 1
    switch operation {
    case .halt: return .halt
    case .systemEvent: return .systemEvent(type: 2)
    case .shutdown:
      registers.rbx = script.shutdownRBX
      return .shutdown
    case .enableInterrupts:
      hasShadow = !areInterruptsEnabled
      registers.rflags |= RFlags.interruptEnable
    case .disableInterrupts: registers.rflags &= ~RFlags.interruptEnable
    case .returnFromInterrupt:
      registers.rip = loadRAM(registers.rsp, count: 8)
      registers.rflags = loadRAM(registers.rsp &+ 8, count: 8)
      registers.rsp &+= 16
    default: break
    }
    return nil
  }

  // MARK: Instructions that leave an access to be finished

  private func access(_ operation: Operation) -> ExitReason? {
    switch operation {
    case .out(let port, let width):
      let value = masked(registers.rax, width)
      let reason = ExitReason.portWrite(PortAccess(port: port, width: width), value: value)
      guard script.standsAfterPortWrites else { return begin(reason) { $0.advance() } }
      _ = advance()
      return begin(reason) { _ in nil }
    case .input(let port, let width):
      return begin(.portRead(PortAccess(port: port, width: width))) { $0.load(width) }
    case .outString(let port, let width, let count):
      data = loadBytes(registers.rsi, count: Int(count) * Int(width))
      let access = PortAccess(port: port, width: width, count: count)
      return begin(.portWrite(access, value: 0)) {
        $0.registers.rsi &+= UInt64($0.data.count)
        return $0.advance()
      }
    case .inString(let port, let width, let count):
      data = [UInt8](repeating: 0xcc, count: Int(count) * Int(width))
      return begin(.portRead(PortAccess(port: port, width: width, count: count))) {
        for (offset, byte) in $0.data.enumerated() {
          $0.storeRAM(UInt64(byte), at: $0.registers.rdi &+ UInt64(offset), count: 1)
        }
        $0.registers.rdi &+= UInt64($0.data.count)
        return $0.advance()
      }
    case .readMSR(let index): return begin(.msrRead(index: index)) { $0.load(8) }
    case .writeMSR(let index):
      return begin(.msrWrite(index: index, value: registers.rax)) { $0.advance() }
    default: return deviceMemory(operation)
    }
  }

  private func deviceMemory(_ operation: Operation) -> ExitReason? {
    switch operation {
    case .storeDevice(let address, let width):
      let value = masked(registers.rax, width)
      return begin(.memoryWrite(address: address, width: width, value: value)) { $0.advance() }
    case .loadDevice(let address, let width):
      return begin(.memoryRead(address: address, width: width)) { $0.load(width) }
    case .addDevice(let address):
      return begin(.memoryRead(address: address, width: 4)) {
        let sum = $0.masked($0.answer &+ $0.registers.rbx, 4)
        return $0.begin(.memoryWrite(address: address, width: 4, value: sum)) { $0.advance() }
      }
    case .loadSplit(let address):
      return begin(.memoryRead(address: address, width: 3)) {
        let low = $0.masked($0.answer, 3)
        return $0.begin(.memoryRead(address: address &+ 3, width: 5)) {
          $0.registers.rax = low | $0.answer << 24
          return $0.advance()
        }
      }
    case .storeSplit(let address):
      let value = registers.rax
      return begin(.memoryWrite(address: address, width: 3, value: masked(value, 3))) {
        $0.begin(.memoryWrite(address: address &+ 3, width: 5, value: value >> 24)) {
          $0.advance()
        }
      }
    default: return nil
    }
  }

  /// Stops inside the instruction; `finish` goes on with it.
  private func begin(
    _ reason: ExitReason, finish: @escaping (ScriptedProcessor) -> ExitReason?
  ) -> ExitReason {
    answer = 0
    if !isString(reason) { data = [] }
    unfinished = { [unowned self] in finish(self) }
    return reason
  }

  private func isString(_ reason: ExitReason) -> Bool {
    switch reason {
    case .portRead(let access), .portWrite(let access, _): access.count > 1
    default: false
    }
  }

  private func advance() -> ExitReason? {
    registers.rip &+= 1
    return nil
  }

  private func load(_ width: UInt8) -> ExitReason? {
    registers.rax = masked(answer, width)
    return advance()
  }

  private func masked(_ value: UInt64, _ width: UInt8) -> UInt64 {
    width >= 8 ? value : value & ((1 << (UInt64(width) * 8)) - 1)
  }

  // MARK: RAM

  private func loadBytes(_ address: UInt64, count: Int) -> [UInt8] {
    memory.read(address, count: count) ?? [UInt8](repeating: 0xff, count: count)
  }

  private func loadRAM(_ address: UInt64, count: Int) -> UInt64 {
    loadBytes(address, count: count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Writes as the guest does: outside RAM nothing happens, inside the pages become dirty.
  private func storeRAM(_ value: UInt64, at address: UInt64, count: Int) {
    guard memory.contains(address, count: count) else { return }
    for offset in 0..<count {
      let byte = UInt8(truncatingIfNeeded: value >> UInt64(8 * offset))
      // Safe: the range was just found to lie inside RAM.
      unsafe memory.base.storeBytes(of: byte, toByteOffset: Int(address) + offset, as: UInt8.self)
      dirty.insert(UInt32((Int(address) + offset) / GuestMemory.pageSize))
    }
  }
}
