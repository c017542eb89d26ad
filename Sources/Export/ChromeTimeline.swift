/// A timeline as JSON of the Trace Event Format, read by about:tracing, Perfetto and speedscope.
///
/// Times are microseconds with three decimals; every track is a thread of one process.
struct ChromeTimeline: TimelineFormat {
  var output: ByteOutput
  private var isFirst = true
  /// Names as JSON, by the names' numbers.
  private var names: [[UInt8]] = []

  init(_ output: ByteOutput) {
    self.output = output
  }

  mutating func begin(_ facts: ExportFacts) {
    output.bytes.append(text: "{\"displayTimeUnit\":\"ns\",\"otherData\":{")
    for (index, fact) in facts.all.enumerated() {
      output.bytes.append(text: (index == 0 ? "\"" : ",\"") + fact.name + "\":")
      output.bytes.append(json: fact.value)
    }
    output.bytes.append(text: "},\"traceEvents\":[\n")
    addMetadata("process_name", thread: nil, name: "guest " + facts.guest)
  }

  mutating func declare(_ track: TimelineTrack) {
    // A counter is the process's; its name is in each of its events.
    guard track != .exitRate else { return }
    addMetadata("thread_name", thread: track.number, name: track.name)
    // In the order of the numbers, whichever came first.
    beginRow("M")
    add(thread: track.number)
    output.bytes.append(text: ",\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":")
    output.bytes.append(decimal: UInt64(track.number))
    output.bytes.append(text: "}}")
  }

  mutating func addSlice(
    _ name: TimelineName, on track: TimelineTrack, from start: UInt64, to end: UInt64,
    _ details: TimelineDetails
  ) {
    beginRow("X")
    add(thread: track.number)
    add(name, track)
    add(time: start)
    output.bytes.append(text: ",\"dur\":")
    output.bytes.append(microseconds: end - start)
    add(details)
  }

  mutating func addInstant(
    _ name: TimelineName, on track: TimelineTrack, at time: UInt64, _ details: TimelineDetails
  ) {
    beginRow("i")
    output.bytes.append(text: ",\"s\":\"t\"")
    add(thread: track.number)
    add(name, track)
    add(time: time)
    add(details)
  }

  mutating func addCount(_ value: UInt64, on track: TimelineTrack, at time: UInt64) {
    beginRow("C")
    output.bytes.append(text: ",\"name\":")
    output.bytes.append(json: track.name)
    add(time: time)
    output.bytes.append(text: ",\"args\":{\"exits\":")
    output.bytes.append(decimal: value)
    output.bytes.append(text: "}}")
  }

  mutating func end() {
    output.bytes.append(text: "\n]}\n")
  }

  private mutating func addMetadata(_ what: String, thread: Int?, name: String) {
    beginRow("M")
    if let thread { add(thread: thread) }
    output.bytes.append(text: ",\"name\":\"\(what)\",\"args\":{\"name\":")
    output.bytes.append(json: name)
    output.bytes.append(text: "}}")
  }

  private mutating func beginRow(_ phase: String) {
    if !isFirst { output.bytes.append(text: ",\n") }
    isFirst = false
    output.bytes.append(text: "{\"pid\":1,\"ph\":\"")
    output.bytes.append(text: phase)
    output.bytes.append(character: "\"")
  }

  private mutating func add(thread: Int) {
    output.bytes.append(text: ",\"tid\":")
    output.bytes.append(decimal: UInt64(thread))
  }

  private mutating func add(_ name: TimelineName, _ track: TimelineTrack) {
    output.bytes.append(text: ",\"cat\":\"")
    output.bytes.append(text: track.category)
    output.bytes.append(text: "\",\"name\":")
    switch name {
    case .repeated(let number, let text):
      while names.count <= number { names.append([]) }
      if names[number].isEmpty { names[number].append(json: text) }
      output.bytes.append(contentsOf: names[number])
    case .single(let text): output.bytes.append(json: text)
    }
  }

  private mutating func add(time: UInt64) {
    output.bytes.append(text: ",\"ts\":")
    output.bytes.append(microseconds: time)
  }

  private mutating func add(_ details: TimelineDetails) {
    output.bytes.append(text: ",\"args\":{\"event\":")
    output.bytes.append(decimal: details.event)
    if let rip = details.rip {
      output.bytes.append(text: ",\"rip\":\"")
      output.bytes.append(hex: rip)
      output.bytes.append(character: "\"")
    }
    output.bytes.append(text: "}}")
  }
}
