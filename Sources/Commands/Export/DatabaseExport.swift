internal import Analysis
internal import Export
internal import SQLiteIO
internal import Trace

/// Writes a reel into the tables of ``DatabaseSchema``.
struct DatabaseExport: ExportTarget {
  /// Kernel exits' reasons are numbered behind the kinds of events.
  private static let firstKernelReason = 256

  let needs: ExportNeeds = [.events, .kernelExits]
  private let facts: ExportFacts
  private let database: SQLiteDatabase
  private let events: SQLiteStatement
  private let exits: SQLiteStatement
  private let kernelExits: SQLiteStatement
  private let console: SQLiteStatement
  private var kinds = [Bool](repeating: false, count: 256)
  private var places = PlaceTable()
  private var reasons: KernelReasonTable
  private var exitPairing: ExitPairing<Event>
  private var kernelPairing: ExitPairing<KernelExitRecord>
  private var kernelExitCount: UInt64 = 0
  private var lines = ConsoleLines()
  private var lineCount: Int64 = 0

  /// Makes the tables in an empty file.
  init(path: String, facts: ExportFacts, names: KernelExitName) throws(SQLiteError) {
    self.facts = facts
    database = try SQLiteDatabase(path: path)
    try database.execute("PRAGMA user_version = \(DatabaseSchema.version)")
    try database.execute(DatabaseSchema.tables)
    events = try database.prepare("INSERT INTO events VALUES (\(Self.parameters(16)))")
    exits = try database.prepare("INSERT INTO exits VALUES (\(Self.parameters(9)))")
    kernelExits = try database.prepare("INSERT INTO kernel_exits VALUES (\(Self.parameters(16)))")
    console = try database.prepare("INSERT INTO console VALUES (\(Self.parameters(6)))")
    reasons = KernelReasonTable(names)
    exitPairing = ExitPairing(hasTimes: facts.hasTimes)
    kernelPairing = ExitPairing(hasTimes: facts.hasTimes)
  }

  private static func parameters(_ count: Int) -> String {
    repeatElement("?", count: count).joined(separator: ",")
  }

  mutating func receive(_ event: Event, at index: EventIndex, payload: ArraySlice<UInt8>) throws {
    try insert(event, index, payload)
    kinds[Int(event.kind.rawValue)] = true
    if event.kind.isExit {
      _ = places.number(of: event)
      if let exit = exitPairing.add(event, number: index) { try insert(exit) }
    }
    guard event.stream != 0, facts.hasConsole else { return }
    for line in lines.add(event, at: index, payload: payload) { try insert(line) }
  }

  mutating func receive(_ exit: KernelExitRecord) throws {
    if let exit = kernelPairing.add(exit, number: kernelExitCount) { try insert(exit) }
    kernelExitCount += 1
  }

  mutating func complete(with event: Event) throws -> Bool {
    let (exit, isWaiting) = exitPairing.complete(with: event)
    if let exit { try insert(exit) }
    return isWaiting
  }

  mutating func complete(with exit: KernelExitRecord) throws -> Bool {
    let (exit, isWaiting) = kernelPairing.complete(with: exit)
    if let exit { try insert(exit) }
    return isWaiting
  }

  mutating func noteGap() throws {
    for exit in exitPairing.removeAll() { try insert(exit) }
    for exit in kernelPairing.removeAll() { try insert(exit) }
  }

  mutating func finish() throws {
    try noteGap()
    for line in lines.removeAll() { try insert(line) }
    try insertReasons()
    try insertPlaces()
    try database.execute(DatabaseSchema.views)
  }

  /// Writes what is known about the whole reel, and ends the database.
  func close(_ facts: ExportFacts) throws(SQLiteError) {
    let statement = try database.prepare("INSERT OR REPLACE INTO metadata VALUES (?,?)")
    for (name, value) in facts.all {
      statement.bind(name)
      statement.bind(value)
      try statement.execute()
    }
    try database.commit()
  }

  private func insert(_ event: Event, _ index: EventIndex, _ payload: ArraySlice<UInt8>) throws {
    events.bind(bits: index)
    events.bind(Int64(event.kind.rawValue))
    events.bind(Int64(event.vcpu))
    events.bind(bits: event.hasAddress ? event.address : nil)
    events.bind(event.width == 0 ? nil : Int64(event.width))
    events.bind(event.count == 0 ? nil : Int64(event.count))
    events.bind(bits: event.hasValue ? event.value : nil)
    events.bind(payload)
    events.bind(bits: event.kind.isExit ? event.rip : nil)
    events.bind(event.stream == 0 ? nil : Int64(event.stream))
    events.bind(event.device == 0 ? nil : Int64(event.device))
    events.bind(event.image == 0 ? nil : Int64(event.image))
    events.bind(bits: event.timestamp == 0 ? nil : event.timestamp)
    events.bind(event.kind.isGuestMade ? Int64(event.check) : nil)
    events.bind(bits: event.flags.contains(.fullDigest) ? event.digest : nil)
    events.bind(event.flags.contains(.tainted) ? 1 : nil)
    try events.execute()
  }

  private func insert(_ timed: TimedExit<Event>) throws {
    let event = timed.exit
    exits.bind(bits: timed.number)
    exits.bind(Int64(event.kind.rawValue))
    exits.bind(Int64(event.vcpu))
    exits.bind(bits: event.hasAddress ? event.address : nil)
    exits.bind(bits: event.rip)
    exits.bind(bits: facts.hasTimes ? event.entryTime : nil)
    exits.bind(bits: facts.hasTimes ? event.exitTime : nil)
    exits.bind(bits: timed.guestNanoseconds)
    exits.bind(bits: timed.handlingNanoseconds)
    try exits.execute()
  }

  private mutating func insert(_ timed: TimedExit<KernelExitRecord>) throws {
    let exit = timed.exit
    let knowsEntry = facts.hasTimes && exit.hasEntryTime
    kernelExits.bind(bits: timed.number)
    kernelExits.bind(bits: exit.anchor)
    kernelExits.bind(Int64(Self.firstKernelReason + reasons.number(of: exit)))
    kernelExits.bind(Int64(exit.vcpu))
    kernelExits.bind(bits: exit.reason)
    kernelExits.bind(exit.outcomeName)
    kernelExits.bind(bits: exit.rip)
    kernelExits.bind(bits: exit.flags.contains(.address) ? exit.address : nil)
    kernelExits.bind(bits: exit.info1)
    kernelExits.bind(bits: exit.info2)
    kernelExits.bind(bits: exit.interruptInformation)
    kernelExits.bind(bits: exit.errorCode)
    kernelExits.bind(bits: knowsEntry ? exit.entryTime : nil)
    kernelExits.bind(bits: facts.hasTimes ? exit.exitTime : nil)
    kernelExits.bind(bits: timed.guestNanoseconds)
    kernelExits.bind(bits: timed.handlingNanoseconds)
    try kernelExits.execute()
  }

  private mutating func insert(_ line: ConsoleLine) throws {
    console.bind(lineCount)
    lineCount += 1
    console.bind(line.streamName)
    console.bind(bits: line.first)
    console.bind(bits: line.last)
    console.bind(bits: facts.hasTimes ? line.exitTime : nil)
    console.bind(line.text)
    try console.execute()
  }

  /// The names of the kinds and reasons there are.
  private func insertReasons() throws {
    let statement = try database.prepare("INSERT INTO reasons VALUES (?,?,?,?,?)")
    func add(_ number: Int, _ source: String, _ code: UInt64?, _ name: String, _ group: String)
      throws
    {
      statement.bind(Int64(number))
      statement.bind(source)
      statement.bind(bits: code)
      statement.bind(name)
      statement.bind(group)
      try statement.execute()
    }
    for (number, isThere) in kinds.enumerated() where isThere {
      let kind = EventKind(rawValue: UInt8(number))
      try add(number, "event", UInt64(number), kind.name, kind.className)
    }
    for (number, reason) in reasons.reasons.enumerated() {
      try add(
        Self.firstKernelReason + number, KernelExitName.isa(reason.isa), reason.code, reason.name,
        "kernel")
    }
  }

  private func insertPlaces() throws {
    let statement = try database.prepare("INSERT INTO places VALUES (?,?,?,?)")
    for place in places.places {
      guard let address = place.address else { continue }
      statement.bind(Int64(place.kind.rawValue))
      statement.bind(bits: address)
      statement.bind(place.name)
      statement.bind(place.label)
      try statement.execute()
    }
  }
}

extension EventKind {
  /// What sort of event this is.
  fileprivate var className: String {
    if isGuestMade { return "guest-made" }
    if isInput { return "input" }
    if isHostMade { return "host-made" }
    return (64...79).contains(rawValue) ? "mark" : "unknown"
  }
}
