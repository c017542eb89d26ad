import Analysis
import Bytes
import ReelFixtures
import SyntheticReels
import Testing
import Trace

/// A configuration small enough for debug builds.
private func small(_ change: (inout SyntheticReel.Configuration) -> Void = { _ in })
  -> SyntheticReel.Configuration
{
  var configuration = SyntheticReel.Configuration()
  configuration.eventCount = 3000
  configuration.keyframeInterval = 500
  configuration.basePageCount = 12
  configuration.changedPageCount = 6
  change(&configuration)
  return configuration
}

private func bytes(_ configuration: SyntheticReel.Configuration) -> [UInt8] {
  SyntheticReel.bytes(
    configuration, pageKey: [UInt8](0..<16), metadataJSON: Array("{}".utf8), blockSize: 700)
}

@Suite struct SyntheticReelTests {
  @Test("One seed names one reel, another seed another")
  func seeds() {
    #expect(bytes(small()) == bytes(small()))
    #expect(bytes(small()) != bytes(small { $0.seed = 2 }))
  }

  static let configurations = [
    small(), small { $0.vcpuCount = 4 }, small { $0.freezesTimestamp = true },
    small { $0.instructionSet = 1 },
    small {
      $0.instructionSet = 2
      $0.lostKernelExitsPerThousand = 200
    },
    small {
      $0.firstEvent = 90_000
      $0.firstKeyframe = 7
    },
    small { $0.keyframeInterval = 0 },
    small {
      $0.keyframeInterval = 1
      $0.eventCount = 300
    },
    small { $0.eventCount = 0 }, small { $0.eventCount = 4 }, small { $0.eventCount = 5 },
    small { $0.pageCount = 1 },
  ]

  @Test("Whatever the configuration, verify finds nothing", arguments: configurations)
  func isSound(configuration: SyntheticReel.Configuration) throws {
    let bytes = bytes(configuration)
    let verification = ReelVerification(MemorySource(bytes))
    #expect(verification.findings.isEmpty, "\(verification.findings)")
    #expect(verification.checked.events == max(3, configuration.eventCount))
    let reel = try Reel(MemorySource(bytes))
    #expect(reel.tail == .whole)
    #expect(reel.end?.eventCount == max(3, configuration.eventCount))
    let numbers = reel.keyframeNumbers
    #expect(numbers.first == configuration.firstKeyframe && numbers.count >= 2)
    for number in numbers { _ = try reel.pageMap(at: number) }
  }

  @Test("Reads are answered, halts interrupted, kicks sealed, digests where they belong")
  func order() throws {
    let reel = try Reel(MemorySource(bytes(small { $0.eventCount = 20_000 })))
    var cursor = EventCursor(reel)
    var previous = Event(EventKind(rawValue: 0))
    var guestMade: UInt64 = 0
    var kinds: [EventKind: Int] = [:]
    var sites: Set<UInt64> = []
    while let event = try cursor.next() {
      kinds[event.kind, default: 0] += 1
      #expect((event.kind == .inputData) == previous.kind.expectsInput)
      #expect((event.kind == .interrupt) == (previous.kind == .halt))
      if previous.kind == .kick { #expect(event.kind == .keyframe) }
      #expect(event.entryTime <= event.exitTime && event.entryTime >= previous.exitTime)
      if event.kind == .inputData {
        #expect(event.count == previous.count)
        #expect(Int(event.payloadLength) == (event.count > 1 ? 512 : 0))
      }
      if event.kind.isGuestMade {
        guestMade += 1
        sites.insert(event.rip)
        #expect(event.flags.contains(.fullDigest) == guestMade.isMultiple(of: 64))
      } else {
        #expect(event.flags.isEmpty)
      }
      previous = event
    }
    for kind in [
      EventKind.portRead, .portWrite, .memoryRead, .memoryWrite, .msrRead, .msrWrite, .halt,
      .inputData, .interrupt, .kick, .keyframe,
    ] {
      #expect(kinds[kind] ?? 0 > 0, "no \(kind.name)")
    }
    #expect((100...1000).contains(sites.count), "\(sites.count) sites")
  }

  @Test("Pages come back as they were: new, equal and zero ones")
  func pages() throws {
    let configuration = small {
      $0.keyframeInterval = 20
      $0.pageCount = 64
    }
    let reel = try Reel(MemorySource(bytes(configuration)))
    var stored = 0
    for block in reel.blocks where block.header.type == .pages {
      stored += try reel.pages(of: block).identities.count
    }
    var named = 0
    var zeros = 0
    for block in reel.blocks where block.header.type == .keyframe {
      let keyframe = try reel.keyframe(of: block)
      if keyframe.isFullMap { continue }
      named += keyframe.pages.count
      zeros += keyframe.pages.count { $0.content == .zero }
    }
    #expect(zeros > 0 && stored < named - zeros, "\(stored) stored, \(named) named, \(zeros) zero")
    var count = 0
    let last = try #require(reel.keyframeNumbers.last)
    try reel.forEachPage(of: try reel.pageMap(at: last)) { _, content in
      count += content.contains { $0 != 0 } ? 1 : 0
    }
    #expect(count > 0)
  }

  @Test("Kernel exits are counted, the lost ones too")
  func losses() throws {
    let reel = try Reel(
      MemorySource(
        bytes(
          small {
            $0.instructionSet = 1
            $0.lostKernelExitsPerThousand = 100
          })))
    let source = KernelExitSource(reel)
    #expect(source.recorded > 1000 && source.lost > 50, "\(source.sentence)")
    #expect(source.statisticsExits == source.recorded + source.lost)
  }

  @Test("Every vCPU takes part")
  func vcpus() throws {
    let reel = try Reel(MemorySource(bytes(small { $0.vcpuCount = 3 })))
    var cursor = EventCursor(reel)
    var seen: Set<UInt16> = []
    while let event = try cursor.next() { seen.insert(event.vcpu) }
    #expect(seen == [0, 1, 2])
    #expect(try reel.keyframe(0).vcpuStates.count == 24)
  }
}
