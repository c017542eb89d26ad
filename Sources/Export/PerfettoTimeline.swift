/// A timeline as Perfetto's protobuf: a Trace of TracePackets, read by trace_processor and
/// ui.perfetto.dev.
///
/// All packets are of one sequence, whose names and categories are interned: each is written out in
/// the first packet that uses it. Times are of the trace's default clock and begin at 0.
struct PerfettoTimeline: TimelineFormat {
  /// Field numbers as protos/perfetto/trace/ has them; the tests hold them to the published
  /// descriptors.
  private enum Field {
    /// trace.proto, Trace.
    static let tracePacket = 1
    /// trace_packet.proto, TracePacket.
    static let timestamp = 8
    static let trustedPacketSequenceID = 10
    static let trackEvent = 11
    static let internedData = 12
    static let sequenceFlags = 13
    static let trackDescriptor = 60
    /// interned_data.proto, InternedData.
    static let internedCategories = 1
    static let internedNames = 2
    static let internedAnnotationNames = 3
    /// EventCategory, EventName, DebugAnnotationName.
    static let internedID = 1
    static let internedText = 2
    /// track_event.proto, TrackEvent.
    static let categoryIDs = 3
    static let debugAnnotations = 4
    static let type = 9
    static let nameID = 10
    static let trackUUID = 11
    static let name = 23
    static let counterValue = 30
    /// debug_annotation.proto, DebugAnnotation.
    static let annotationNameID = 1
    static let unsignedValue = 3
    static let pointerValue = 7
    /// track_descriptor.proto, TrackDescriptor.
    static let uuid = 1
    static let descriptorName = 2
    static let process = 3
    static let thread = 4
    static let parentUUID = 5
    static let counter = 8
    /// process_descriptor.proto, ProcessDescriptor.
    static let processPID = 1
    static let processName = 6
    /// thread_descriptor.proto, ThreadDescriptor.
    static let threadPID = 1
    static let threadTID = 2
    static let threadName = 5
    /// counter_descriptor.proto, CounterDescriptor.
    static let unit = 3
  }

  /// TrackEvent.Type.
  private enum EventType {
    static let sliceBegin: UInt64 = 1
    static let sliceEnd: UInt64 = 2
    static let instant: UInt64 = 3
    static let counter: UInt64 = 4
  }

  /// TracePacket.SequenceFlags.
  private static let incrementalStateCleared: UInt64 = 1
  private static let needsIncrementalState: UInt64 = 2
  /// CounterDescriptor.Unit.
  private static let unitCount: UInt64 = 2

  private static let sequence: UInt64 = 1
  private static let guestUUID: UInt64 = 1
  private static let guestPID: UInt64 = 1
  private static let eventAnnotation: UInt64 = 1
  private static let ripAnnotation: UInt64 = 2

  var output: ByteOutput
  private var packet: [UInt8] = []
  private var trackEvent: [UInt8] = []
  private var annotation: [UInt8] = []
  private var interned: [UInt8] = []
  private var isInterned: [Bool] = []
  private var categories: [String: UInt64] = [:]

  init(_ output: ByteOutput) {
    self.output = output
  }

  mutating func begin(_ facts: ExportFacts) {
    var names: [UInt8] = []
    for (id, name) in [(Self.eventAnnotation, "event"), (Self.ripAnnotation, "rip")] {
      names.append(field: Field.internedAnnotationNames, bytes: Self.internedEntry(id, name))
    }
    packet.append(field: Field.internedData, bytes: names)
    endPacket(flags: Self.incrementalStateCleared | Self.needsIncrementalState)

    var process: [UInt8] = []
    process.append(field: Field.processPID, varint: Self.guestPID)
    process.append(field: Field.processName, text: "guest " + facts.guest)
    var descriptor: [UInt8] = []
    descriptor.append(field: Field.uuid, varint: Self.guestUUID)
    descriptor.append(field: Field.process, bytes: process)
    packet.append(field: Field.trackDescriptor, bytes: descriptor)
    endPacket()
  }

  mutating func declare(_ track: TimelineTrack) {
    var descriptor: [UInt8] = []
    descriptor.append(field: Field.uuid, varint: UInt64(track.number))
    descriptor.append(field: Field.descriptorName, text: track.name)
    switch track {
    case .vcpu(let vcpu):
      var thread: [UInt8] = []
      thread.append(field: Field.threadPID, varint: Self.guestPID)
      // 0 is the idle thread of a real machine.
      thread.append(field: Field.threadTID, varint: UInt64(vcpu) + 1)
      thread.append(field: Field.threadName, text: track.name)
      descriptor.append(field: Field.thread, bytes: thread)
    case .exitRate:
      var counter: [UInt8] = []
      counter.append(field: Field.unit, varint: Self.unitCount)
      descriptor.append(field: Field.counter, bytes: counter)
      descriptor.append(field: Field.parentUUID, varint: Self.guestUUID)
    default:
      descriptor.append(field: Field.parentUUID, varint: Self.guestUUID)
    }
    packet.append(field: Field.trackDescriptor, bytes: descriptor)
    endPacket()
  }

  mutating func addSlice(
    _ name: TimelineName, on track: TimelineTrack, from start: UInt64, to end: UInt64,
    _ details: TimelineDetails
  ) {
    add(EventType.sliceBegin, name, on: track, at: start, details)
    trackEvent.append(field: Field.type, varint: EventType.sliceEnd)
    trackEvent.append(field: Field.trackUUID, varint: UInt64(track.number))
    endTrackEvent(at: end)
  }

  mutating func addInstant(
    _ name: TimelineName, on track: TimelineTrack, at time: UInt64, _ details: TimelineDetails
  ) {
    add(EventType.instant, name, on: track, at: time, details)
  }

  mutating func addCount(_ value: UInt64, on track: TimelineTrack, at time: UInt64) {
    trackEvent.append(field: Field.type, varint: EventType.counter)
    trackEvent.append(field: Field.trackUUID, varint: UInt64(track.number))
    trackEvent.append(field: Field.counterValue, varint: value)
    endTrackEvent(at: time)
  }

  mutating func end() {}

  private mutating func add(
    _ type: UInt64, _ name: TimelineName, on track: TimelineTrack, at time: UInt64,
    _ details: TimelineDetails
  ) {
    trackEvent.append(field: Field.type, varint: type)
    trackEvent.append(field: Field.trackUUID, varint: UInt64(track.number))
    trackEvent.append(field: Field.categoryIDs, varint: categoryID(track.category))
    switch name {
    case .repeated(let number, let text):
      trackEvent.append(field: Field.nameID, varint: nameID(number, text))
    case .single(let text): trackEvent.append(field: Field.name, text: text)
    }
    annotate(Self.eventAnnotation, Field.unsignedValue, details.event)
    if let rip = details.rip { annotate(Self.ripAnnotation, Field.pointerValue, rip) }
    endTrackEvent(at: time)
  }

  private mutating func annotate(_ name: UInt64, _ field: Int, _ value: UInt64) {
    annotation.removeAll(keepingCapacity: true)
    annotation.append(field: Field.annotationNameID, varint: name)
    annotation.append(field: field, varint: value)
    trackEvent.append(field: Field.debugAnnotations, bytes: annotation)
  }

  /// The id of a name; a new one goes into this packet's interned data.
  private mutating func nameID(_ number: Int, _ text: String) -> UInt64 {
    while isInterned.count <= number { isInterned.append(false) }
    // Ids begin at 1: 0 means none.
    let id = UInt64(number) + 1
    if !isInterned[number] {
      isInterned[number] = true
      interned.append(field: Field.internedNames, bytes: Self.internedEntry(id, text))
    }
    return id
  }

  private mutating func categoryID(_ category: String) -> UInt64 {
    if let id = categories[category] { return id }
    let id = UInt64(categories.count) + 1
    categories[category] = id
    interned.append(field: Field.internedCategories, bytes: Self.internedEntry(id, category))
    return id
  }

  private static func internedEntry(_ id: UInt64, _ text: String) -> [UInt8] {
    var entry: [UInt8] = []
    entry.append(field: Field.internedID, varint: id)
    entry.append(field: Field.internedText, text: text)
    return entry
  }

  private mutating func endTrackEvent(at time: UInt64) {
    packet.append(field: Field.timestamp, varint: time)
    if !interned.isEmpty {
      packet.append(field: Field.internedData, bytes: interned)
      interned.removeAll(keepingCapacity: true)
    }
    packet.append(field: Field.trackEvent, bytes: trackEvent)
    trackEvent.removeAll(keepingCapacity: true)
    endPacket()
  }

  private mutating func endPacket(flags: UInt64 = needsIncrementalState) {
    packet.append(field: Field.trustedPacketSequenceID, varint: Self.sequence)
    packet.append(field: Field.sequenceFlags, varint: flags)
    output.bytes.append(field: Field.tracePacket, bytes: packet)
    packet.removeAll(keepingCapacity: true)
  }
}
