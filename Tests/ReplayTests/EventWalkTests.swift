import Machine
import Replay
import Testing
import Trace

/// Alters every field of every event of a rich reel and looks at what replay says.
///
/// Not compared, because the host chose it and nothing of the guest depends on it: times, the
/// RIP of events that are no exits, the console stream, and why the host kicked.
@Suite struct EventWalkTests {
  /// A field of an event, with the bit to flip in it.
  struct Field: Sendable, CustomTestStringConvertible {
    var name: String
    var isMeaningful: @Sendable (Event) -> Bool = { _ in true }
    var flip: @Sendable (inout EditableReel.Entry, Int) -> Void
    var testDescription: String { name }
  }

  static let fields: [Field] = [
    Field(name: "kind") {
      $0.event.kind = EventKind(rawValue: $0.event.kind.rawValue ^ bit($1, 7))
    },
    Field(name: "address", isMeaningful: { !$0.kind.isHostMade }) {
      $0.event.address ^= bit($1, 63)
    },
    Field(name: "value", isMeaningful: isHashed) { $0.event.value ^= bit($1, 64) },
    Field(name: "width", isMeaningful: isHashed) { $0.event.width ^= bit($1, 8) },
    Field(name: "count", isMeaningful: isHashed) { $0.event.count ^= bit($1, 24) },
    Field(name: "payload", isMeaningful: { $0.payloadLength > 0 }) {
      if !$0.payload.isEmpty { $0.payload[$1 % $0.payload.count] ^= bit($1, 8) }
    },
    Field(name: "rip", isMeaningful: \.kind.isGuestMade) { $0.event.rip ^= bit($1, 64) },
    Field(name: "check", isMeaningful: \.kind.isGuestMade) { $0.event.check ^= bit($1, 8) },
    Field(name: "digest", isMeaningful: { $0.flags.contains(.fullDigest) }) {
      $0.event.digest ^= bit($1, 64)
    },
    Field(name: "vcpu") { $0.event.vcpu ^= bit($1, 16) },
  ]

  private let recording: Recording

  init() throws {
    recording = try record(
      GuestPrograms.rich,
      policy: quietPolicy {
        $0.keyframeExitInterval = 20
        $0.storesFullDigest = true
      },
      script: ProcessorScript(kicks: [60, 65])
    ) { $0.input = Array("x".utf8) }
  }

  @Test(arguments: fields)
  func everyFlipIsFoundAtItsEvent(field: Field) throws {
    #expect(recording.kinds.contains(.kick))
    let original = try recording.editable()
    for index in original.entries.indices where field.isMeaningful(original.entries[index].event) {
      var edited = original
      field.flip(&edited.entries[index], index * 7 + 3)
      let event = original.entries[index].event
      do {
        let replayed = try replay(recording, bytes: edited.encoded())
        let divergence = try #require(
          replayed.divergence, "\(field.name) of event \(index) (\(event.kind.name)) unnoticed")
        // An event without registers is in the digest of the guest's next exit, or of a keyframe
        // before that.
        let next = original.entries[index...].firstIndex { $0.event.kind.isGuestMade } ?? index
        #expect(
          (UInt64(index)...UInt64(next)).contains(divergence.index),
          "\(field.name) of event \(index) (\(event.kind.name)): \(divergence.index), not \(next)")
        #expect(
          isApt(divergence.difference, field.name, event),
          "\(field.name) of event \(index) (\(event.kind.name)): \(divergence.difference)")
      } catch let error as ReplayError {
        #expect(isApt(error, field.name, event, index), "event \(index): \(error)")
      }
    }
  }

  @Test func unflippedReelIsIdentical() throws {
    #expect(try replay(recording, bytes: try recording.editable().encoded()).isIdentical)
  }

  /// With the checks recomputed the alteration looks as if it had been recorded, so the guest
  /// itself must notice: at an exit at once, at an input as soon as a register shows it.
  @Test func alteredAddressesAreFoundWithoutTheChecks() throws {
    let original = try recording.editable()
    for index in original.entries.indices where original.entries[index].event.kind.isGuestMade {
      var edited = original
      edited.entries[index].event.address ^= 4
      edited.seal()
      let replayed = try replay(recording, bytes: edited.encoded())
      #expect(replayed.divergence?.index == UInt64(index))
    }
  }

  @Test func recomputedChecksAreTheRecordersOwn() throws {
    let original = try recording.editable()
    var sealed = original
    sealed.seal()
    #expect(sealed.entries == original.entries)
    #expect(sealed.keyframes == original.keyframes)
  }

  private func isApt(
    _ difference: Divergence.Difference, _ field: String, _ event: Event
  ) -> Bool {
    switch difference {
    case .fields(let names):
      !event.kind.isGuestMade || names.contains(field) || field == "kind"
    case .registers: true
    case .input, .replyMismatch: !event.kind.isGuestMade || field == "kind"
    case .unexpectedExit, .notReady, .state: field == "kind"
    case .noExit: false
    }
  }

  private func isApt(_ error: ReplayError, _ field: String, _ event: Event, _ index: Int) -> Bool {
    switch error {
    case .unsupported(let text):
      (field == "kind" || field == "vcpu" || event.kind == .keyframe)
        && (text.contains("event \(index)") || text.contains("event \(index - 1)"))
    case .trace(.missing): field == "address" && event.kind == .keyframe || field == "kind"
    case .trace, .processor: false
    }
  }
}

/// Whether the digest covers the event's fields.
private let isHashed: @Sendable (Event) -> Bool = { $0.kind.isGuestMade || $0.kind.isInput }

/// One bit, chosen by a number.
private func bit<Integer: FixedWidthInteger>(_ number: Int, _ width: Int) -> Integer {
  1 << Integer(number % width)
}
