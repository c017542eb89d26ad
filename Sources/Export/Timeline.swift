/// Where on a timeline something is shown.
enum TimelineTrack: Hashable {
  /// A vCPU: a slice for each exit, from leaving the guest to entering it again.
  case vcpu(UInt16)
  /// The kernel exits of a vCPU.
  case kernelExits(UInt16)
  /// Injected interrupts.
  case interrupts
  /// Keyframes, kicks and whatever else the recorder did.
  case recorder
  /// The lines of a console.
  case console(UInt8, name: String)
  /// Exits in each millisecond.
  case exitRate

  /// A number of its own, small so that it takes few bytes; 1 is the guest as a whole.
  var number: Int {
    switch self {
    case .exitRate: 2
    case .interrupts: 3
    case .recorder: 4
    case .console(let stream, _): 16 + Int(stream)
    case .vcpu(let vcpu): 512 + 2 * Int(vcpu)
    case .kernelExits(let vcpu): 513 + 2 * Int(vcpu)
    }
  }

  /// Numbers are below this.
  static let numberLimit = 512 + 2 * 65536

  var name: String {
    switch self {
    case .vcpu(let vcpu): "vCPU \(vcpu)"
    case .kernelExits(let vcpu): "vCPU \(vcpu) kernel exits"
    case .interrupts: "interrupts"
    case .recorder: "recorder"
    case .console(_, let name): "console \(name)"
    case .exitRate: "exits per ms"
    }
  }

  /// What the track's slices and instants are filed under.
  var category: String {
    switch self {
    case .vcpu: "exit"
    case .kernelExits: "kernel-exit"
    case .interrupts: "interrupt"
    case .recorder: "recorder"
    case .console: "console"
    case .exitRate: "counter"
    }
  }
}

/// What something on a timeline is called.
enum TimelineName {
  /// A name that comes again: its number, from 0 without gaps, and text.
  case repeated(Int, String)
  /// A text that hardly comes again.
  case single(String)
}

/// What is told about something on a timeline.
struct TimelineDetails {
  /// The event.
  var event: UInt64
  /// RIP, where there is one.
  var rip: UInt64?
}

/// A format of timelines; times are nanoseconds.
protocol TimelineFormat {
  /// Begins, with what the guest is called.
  mutating func begin(_ facts: ExportFacts)
  /// Announces a track, before anything is on it.
  mutating func declare(_ track: TimelineTrack)
  /// Something that took time.
  mutating func addSlice(
    _ name: TimelineName, on track: TimelineTrack, from start: UInt64, to end: UInt64,
    _ details: TimelineDetails)
  /// Something at a moment.
  mutating func addInstant(
    _ name: TimelineName, on track: TimelineTrack, at time: UInt64, _ details: TimelineDetails)
  /// A counter's value from a moment on.
  mutating func addCount(_ value: UInt64, on track: TimelineTrack, at time: UInt64)
  /// Ends.
  mutating func end()
  /// Where it goes.
  var output: ByteOutput { get set }
}
