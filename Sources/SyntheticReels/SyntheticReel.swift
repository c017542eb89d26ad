internal import Bytes
public import Trace

/// Makes the reel of a guest that never ran: the events, keyframes and kernel exits that a booting
/// kernel and its drivers leave behind, batch by batch and in bounded memory.
///
/// The same configuration gives the same reel on every host. Registers are invented, so the running
/// digest is that of random ones; all else obeys TRACE-FORMAT.
public struct SyntheticReel: Sendable {
  /// Events in a batch at most.
  public static let batchCapacity = 8192
  /// Events in a reel at least: the base keyframe, the last exit and the end keyframe.
  public static let minimumEventCount: UInt64 = 3

  /// What kind of reel to make.
  public struct Configuration: Sendable, Equatable {
    /// Names the reel among all of equal configuration.
    public var seed: UInt64 = 1
    /// Events, at least ``SyntheticReel/minimumEventCount``.
    public var eventCount: UInt64 = 10_000
    /// The number of the first event; not 0 in a trimmed reel.
    public var firstEvent: EventIndex = 0
    /// The number of the first keyframe.
    public var firstKeyframe: UInt64 = 0
    /// vCPUs, which run one at a time, from 1 to 65536.
    public var vcpuCount = 1
    /// Events from one keyframe to the next at least; 0 for none but the first and the last.
    public var keyframeInterval: UInt64 = 50_000
    /// The guest's RAM in pages.
    public var pageCount: UInt64 = 16_384
    /// Pages that are not zero at the first keyframe.
    public var basePageCount = 1024
    /// Pages that change from one keyframe to the next.
    public var changedPageCount = 64
    /// Whose exits the kernel traced: 1 VMX, 2 SVM, 0 none.
    public var instructionSet: UInt8 = 0
    /// How many of a thousand kernel exits the tracer lost.
    public var lostKernelExitsPerThousand: UInt64 = 0
    /// Whether RDTSC reads a frozen value (column 16).
    public var freezesTimestamp = false
    /// How often a routine loops at most: the fewer, the more of the code a small reel shows.
    public var loopLimit: UInt64 = 60
    /// Disks that write guest memory, at most 8.
    public var diskCount = 0
    /// Whether a resync mark follows every second periodic keyframe: a replay put together again.
    public var hasResyncs = false
    /// Of a thousand writes, how many are changed, left out or repeated, against the reel of the
    /// same configuration without: something for a comparison to find.
    public var editsPerThousandWrites: UInt64 = 0
    /// The first event that may be edited.
    public var firstEdit: EventIndex = 0
    /// What each vCPU's state has besides its registers.
    public var extraState: [StateEntry] = []

    /// The defaults.
    public init() {}
  }

  /// What must come right after the event just made.
  private enum Pending: Sendable {
    case answer(GuestAccess)
    case interrupt(UInt64)
    case transfer(disk: UInt16)
    case seal
    case resync
  }

  /// Where a vCPU is in the guest's code.
  private struct Place: Sendable {
    var routine = 0
    var access = 0
    var repetitionsLeft: UInt64 = 0
  }

  /// What the reel is made from.
  public let configuration: Configuration
  private let code: GuestCode
  private let lastIndex: EventIndex
  private var pages: GuestPages
  private var tracer: KernelTracer
  private var random: SplitMix64
  /// Apart from ``random``, so that all but the edits stays the same.
  private var editor: SplitMix64
  private var digest = RunningDigest.initial
  private var places: [Place]
  private var vcpu = 0
  private var index: EventIndex
  private var guestMadeExits: UInt64
  private let exitsBefore: UInt64
  private var keyframe: UInt64
  private var sinceKeyframe: UInt64 = 0
  private var pending: Pending?
  private var now: UInt64 = 0
  private var rip: UInt64 = 0
  private var virtualTime: UInt64 = 0
  private var textPosition = 0
  /// What the recorder adds to virtual time where each RDTSC is an exit.
  private let clockNoise: [UInt64]

  /// Prepares a reel; its events come with ``nextBatch(_:)``.
  public init(_ configuration: Configuration) {
    self.configuration = configuration
    code = GuestCode(configuration)
    pages = GuestPages(seed: configuration.seed, pageCount: configuration.pageCount)
    tracer = KernelTracer(configuration)
    random = SplitMix64(seed: configuration.seed)
    editor = SplitMix64(seed: ~configuration.seed)
    places = Array(repeating: Place(), count: max(1, configuration.vcpuCount))
    index = configuration.firstEvent
    lastIndex = index + max(Self.minimumEventCount, configuration.eventCount) - 1
    // Of the events that a trimmed reel does not have, somewhat more than half were exits.
    exitsBefore = configuration.firstEvent / 9 * 5
    guestMadeExits = exitsBefore
    keyframe = configuration.firstKeyframe
    var noise = SplitMix64(seed: 64)
    clockNoise = (0..<64).map { _ in noise.below(1024) }
  }

  /// Fills a batch with what comes next; false when the reel is complete.
  public mutating func nextBatch(_ batch: inout SyntheticBatch) -> Bool {
    batch.removeAll()
    batch.firstEvent = index
    guard index <= lastIndex else { return false }
    if index == configuration.firstEvent { observe(.start, into: &batch) }
    while index <= lastIndex, batch.events.count < Self.batchCapacity, batch.capture == nil {
      makeEvent(&batch)
    }
    if batch.capture != nil { observe(index > lastIndex ? .end : .keyframe, into: &batch) }
    return true
  }

  /// The facts the reel ends with, once ``nextBatch(_:)`` has said so.
  public var end: EndRecord {
    EndRecord(
      reason: .debugExit, detail: 0, eventCount: index - configuration.firstEvent,
      guestMadeExits: guestMadeExits - exitsBefore,
      keyframeCount: keyframe - configuration.firstKeyframe, durationNanoseconds: now,
      virtualTime: virtualTime, digest: digest.value)
  }

  private mutating func observe(_ moment: HostTotals.Moment, into batch: inout SyntheticBatch) {
    guard configuration.instructionSet != 0 else { return }
    let anchor = index == configuration.firstEvent ? nil : index - 1
    batch.totals.append(tracer.totals(moment, anchor: anchor, time: now))
  }

  // MARK: What comes next

  private mutating func makeEvent(_ batch: inout SyntheticBatch) {
    let left = lastIndex - index + 1
    switch pending {
    case .answer(let access):
      answer(access, &batch)
    case .interrupt(let vector):
      var event = Event(.interrupt)
      event.address = vector
      finish(&event, &batch)
    case .transfer(let disk):
      transfer(disk, &batch)
    case .seal:
      mark(.seal, &batch)
    case .resync:
      var event = Event(.resync)
      event.address = keyframe - 1
      finish(&event, &batch)
    case nil where index == configuration.firstEvent:
      mark(index == 0 ? .base : .periodic, &batch)
    case nil where left == 1:
      mark(.end, &batch)
    case nil where left == 2:
      makeExit(GuestAccess(kind: .portWrite, address: 0xf4, width: 1, rip: rip &+ 2), &batch)
    case nil where left == 3:
      // Nothing that an answer must follow: there is no room for it.
      makeExit(GuestAccess(kind: .portWrite, address: 0x80, width: 1, rip: rip &+ 2), &batch)
    case nil where isKeyframeDue:
      if keyframe % 4 == 3 { kick(&batch) } else { mark(.periodic, &batch) }
    case nil:
      makeExit(nextAccess(), &batch)
    }
  }

  private var isKeyframeDue: Bool {
    configuration.keyframeInterval > 0 && sinceKeyframe >= configuration.keyframeInterval
  }

  /// The next exit of the vCPU that runs; now and then another one's turn comes.
  private mutating func nextAccess() -> GuestAccess {
    if places.count > 1, random.below(16) == 0 {
      vcpu = Int(random.below(UInt64(places.count)))
    }
    if places[vcpu].repetitionsLeft == 0 {
      let routine = code.choices[Int(random.below(UInt64(code.choices.count)))]
      places[vcpu].routine = routine
      places[vcpu].repetitionsLeft =
        1 + random.below(min(code.routines[routine].repetitions, configuration.loopLimit))
    }
    let place = places[vcpu]
    let accesses = code.routines[place.routine].accesses
    places[vcpu].access += 1
    if places[vcpu].access == accesses.count {
      places[vcpu].access = 0
      places[vcpu].repetitionsLeft -= 1
    }
    return accesses[place.access]
  }

  // MARK: The kinds of events

  private mutating func makeExit(_ access: GuestAccess, _ batch: inout SyntheticBatch) {
    var event = Event(access.kind)
    event.address = access.address
    event.width = access.width
    event.count = access.count
    event.stream = access.stream
    event.rip = access.rip
    event.arithmeticFlags = access.arithmeticFlags
    pending = nil
    if access.kind.expectsInput {
      pending = .answer(access)
    } else {
      fill(&event, from: access.data, &batch)
    }
    virtualTime &+= 5000
    if access.kind == .halt {
      pending = .interrupt(access.vector)
      virtualTime = (virtualTime / 4_000_000 + 1) * 4_000_000
    }
    if access.disk != 0 { pending = .transfer(disk: access.disk) }
    passTime(&event, handling: access.handling, slice: access.slice, &batch)
    finish(&event, &batch)
  }

  private mutating func answer(_ access: GuestAccess, _ batch: inout SyntheticBatch) {
    var event = Event(.inputData)
    event.width = access.answerWidth == 0 ? access.width : access.answerWidth
    event.count = access.count
    fill(&event, from: access.data, &batch)
    finish(&event, &batch)
  }

  /// Sectors that come from the disk's image, or every fourth time bytes that are in the reel.
  private mutating func transfer(_ disk: UInt16, _ batch: inout SyntheticBatch) {
    var event = Event(.deviceWrite)
    event.device = disk
    event.address = random.below(configuration.pageCount) * UInt64(PageBlock.pageSize)
    if random.below(4) == 0 {
      event.count = 512
      event.width = 1
      fill(&event, from: .elements, &batch)
      event.width = 0
    } else {
      event.image = disk
      event.count = UInt32(512 * (1 + random.below(8)))
      event.value = random.below(1 << 16) * 512
    }
    finish(&event, &batch)
  }

  private mutating func kick(_ batch: inout SyntheticBatch) {
    var event = Event(.kick)
    event.address = KickReason.quantum.rawValue
    event.rip = rip &+ random.below(0x4000)
    passTime(&event, handling: 3000, slice: 5_000_000, &batch)
    virtualTime &+= 5_000_000
    finish(&event, &batch)
    pending = .seal
  }

  private mutating func mark(_ kind: KeyframeKind, _ batch: inout SyntheticBatch) {
    let isFirst = index == configuration.firstEvent
    let changes =
      isFirst
      ? pages.initial(configuration.basePageCount) : pages.changes(configuration.changedPageCount)
    let state = Keyframe(
      number: keyframe, kind: kind, parent: nil, isFullMap: false, eventIndex: index,
      guestMadeExits: guestMadeExits, digest: digest.value, virtualTime: virtualTime, pages: [],
      vcpuStates: places.indices.flatMap { vcpuState($0) },
      boardStates: [StateEntry(kind: 1, version: 1, bytes: words(24))])
    batch.capture = unsafe KeyframeCapture(keyframe: state) { body in
      unsafe GuestPages.forEachPage(of: changes, body)
    }
    var event = Event(.keyframe)
    event.address = keyframe
    finish(&event, &batch)
    if configuration.hasResyncs, kind == .periodic, keyframe % 2 == 1 { pending = .resync }
    keyframe += 1
    sinceKeyframe = 0
  }

  /// Entries of the layouts that real ones have, with invented registers.
  private mutating func vcpuState(_ vcpu: Int) -> [StateEntry] {
    var floatingPoint = [UInt8](repeating: 0, count: 512)
    floatingPoint.replaceSubrange(160..<288, with: words(16))
    var extendedControl = ByteWriter()
    extendedControl.append(varint: 1)
    extendedControl.append(UInt32(0))
    extendedControl.append(UInt64(1))
    var modelSpecific = ByteWriter()
    modelSpecific.append(varint: 2)
    for index: UInt32 in [0xc000_0080, 0xc000_0082] {
      modelSpecific.append(index)
      modelSpecific.append(random.next() & 0xffff)
    }
    let layouts: [[UInt8]] = [
      words(18), Array(words(27).prefix(212)), floatingPoint, extendedControl.bytes,
      modelSpecific.bytes, [UInt8](repeating: 0, count: 24), words(6), [0, 0, 0, 0],
    ]
    var entries = layouts.enumerated().map {
      StateEntry(vcpu: UInt16(vcpu), kind: UInt16($0.offset + 1), version: 1, bytes: $0.element)
    }
    for var entry in configuration.extraState {
      entry.vcpu = UInt16(vcpu)
      entries.append(entry)
    }
    return entries
  }

  private mutating func words(_ count: Int) -> [UInt8] {
    var writer = ByteWriter()
    for _ in 0..<count { writer.append(random.next() & 0xffff) }
    return writer.bytes
  }

  // MARK: Fields

  private mutating func fill(
    _ event: inout Event, from data: GuestAccess.Data, _ batch: inout SyntheticBatch
  ) {
    switch data {
    case .none: break
    case .constant(let value): event.value = value
    case .text:
      event.value = UInt64(ConsoleText.bytes[textPosition])
      textPosition = (textPosition + 1) % ConsoleText.bytes.count
    case .clock: event.timestamp = virtualTime + clockNoise[Int(guestMadeExits % 64)]
    case .deadline: event.value = virtualTime &+ random.next() & 0xffff
    case .random(let mask): event.value = random.next() & mask
    case .status(let usual, let other): event.value = random.below(4) == 0 ? other : usual
    case .elements:
      event.payloadOffset = UInt32(batch.payload.count)
      event.payloadLength = event.count * UInt32(event.width)
      for _ in 0..<event.payloadLength {
        let word = random.next()
        batch.payload.append(word & 0x300 == 0 ? UInt8(truncatingIfNeeded: word) : 0)
      }
    }
  }

  private mutating func passTime(
    _ event: inout Event, handling: UInt64, slice: UInt64, _ batch: inout SyntheticBatch
  ) {
    // The first entry is the moment times count from.
    event.entryTime = now == 0 ? 0 : now &+ ticks(random.duration(around: handling))
    event.exitTime = event.entryTime &+ ticks(random.duration(around: slice))
    now = event.exitTime
    rip = event.rip
    if configuration.instructionSet != 0 {
      tracer.observe(event, vcpu: UInt16(vcpu), after: index - 1, into: &batch.kernelExits)
    }
  }

  /// A duration as it can be stored.
  private func ticks(_ nanoseconds: UInt64) -> UInt64 {
    nanoseconds - nanoseconds % Event.timeResolution
  }

  /// What all events have, then the digest, as EventDigest absorbs it.
  private mutating func finish(_ event: inout Event, _ batch: inout SyntheticBatch) {
    if !event.kind.isGuestMade { pending = nil }
    if !event.kind.isExit {
      event.entryTime = now
      event.exitTime = now
    }
    event.vcpu = UInt16(vcpu)
    if configuration.freezesTimestamp { event.timestamp = virtualTime / 1_000_000 + 1 }
    // One random word stands for all registers.
    let registers = event.kind.isGuestMade ? random.next() : 0
    let copies = edit(&event)
    if event.kind.isGuestMade { guestMadeExits += UInt64(copies) }
    for _ in 0..<copies {
      append(event, registers, &batch)
      event.entryTime = event.exitTime
    }
  }

  /// Edits a write now and then; returns how often it is to come.
  private mutating func edit(_ event: inout Event) -> Int {
    guard configuration.editsPerThousandWrites > 0, index >= configuration.firstEdit,
      index + 8 < lastIndex, event.kind == .portWrite, event.payloadLength == 0, pending == nil,
      editor.below(1000) < configuration.editsPerThousandWrites
    else { return 1 }
    let choice = Int(editor.below(3))
    if choice == 1 { event.value ^= 1 }
    return choice
  }

  private mutating func append(
    _ event: Event, _ registers: UInt64, _ batch: inout SyntheticBatch
  ) {
    var event = event
    absorb(event, registers, batch.payload)
    if event.kind.isGuestMade {
      event.check = .init(truncatingIfNeeded: digest.value)
      if guestMadeExits.isMultiple(of: 64) {
        event.flags = .fullDigest
        event.digest = digest.value
      }
    }
    batch.events.append(event)
    index += 1
    sinceKeyframe += 1
  }

  private mutating func absorb(_ event: Event, _ registers: UInt64, _ payload: [UInt8]) {
    guard event.kind.isGuestMade || event.kind.isInput else { return }
    digest.absorb(
      UInt64(event.kind.rawValue) | UInt64(event.width) << 8 | UInt64(event.vcpu) << 16
        | UInt64(event.count) << 32)
    digest.absorb(event.address)
    digest.absorb(event.value)
    if event.device != 0 || event.image != 0 {
      digest.absorb(UInt64(event.device) | UInt64(event.image) << 16)
    }
    if event.payloadLength > 0 {
      digest.absorb(bytes: payload[Int(event.payloadOffset)...])
    }
    if event.kind.isGuestMade { digest.absorb(registers) }
    if event.timestamp != 0 { digest.absorb(event.timestamp) }
  }
}
