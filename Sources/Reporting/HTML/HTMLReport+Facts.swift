internal import Analysis
internal import Trace

/// What was recorded: the header, the numbers, the metadata.
extension HTMLReport {
  /// The sentence under the heading.
  var lead: String {
    let totals = data.statistics.totals
    let exits = data.statistics.table.samples
    var sentence = "\(HTMLNumber.grouped(exits)) guest-made exits"
    if data.statistics.population != .runner { sentence = "\(HTMLNumber.grouped(exits)) exits" }
    if hasTimes {
      sentence += " in \(HTMLNumber.duration(totals.durationNanoseconds)) of host time"
    }
    if let ending = totals.ending { sentence += "; end: \(ending.description)" }
    return sentence + "."
  }

  /// What a reader must know before believing the numbers.
  var notes: [String] {
    let totals = data.statistics.totals
    var notes = [data.statistics.scope]
    if !hasTimes {
      notes.append("host times were stripped from this reel; plots go by the events' numbers")
    }
    if let range = data.selection.range {
      let end = range.upperBound == .max ? "the end" : String(range.upperBound)
      notes.append("only events from \(range.lowerBound) up to, without, \(end) are counted")
    }
    if let time = data.selection.time {
      let end = time.upperBound == .max ? "the end" : HTMLNumber.duration(time.upperBound)
      notes.append("only exits from \(HTMLNumber.duration(time.lowerBound)) to \(end) are counted")
    }
    if let vcpu = data.selection.vcpu { notes.append("only exits of vCPU \(vcpu) are counted") }
    if let ending = totals.ending, ending.tail != "whole" {
      notes.append("the reel is \(ending.tail): what follows its last whole block is not here")
    }
    let losses: [(UInt64, String)] = [
      (totals.lostEvents, "events lost to damaged blocks"),
      (totals.lostKernelExits, "kernel exits lost to damaged blocks"),
      (totals.unusableTimes, "times ran backwards and were left out"),
      (totals.unreadableKeyframes, "keyframes could not be read"),
    ]
    notes += losses.filter { $0.0 > 0 }.map { "\(HTMLNumber.grouped($0.0)) \($0.1)" }
    return notes
  }

  /// The few facts of the header.
  func facts(_ html: inout HTMLText) {
    guard let metadata = data.metadata else { return }
    let policies = metadata.policies
    html.definitions(
      [
        ("Guest", "\(metadata.guest.name) (\(metadata.guest.kind)), \(metadata.memoryMiB) MiB"),
        ("Recorded by", metadata.tool),
        ("Host", "\(metadata.host.cpu), Linux \(metadata.host.kernel), \(metadata.host.kvmModule)"),
        (
          "Policies",
          "placement \(policies.placement), clock \(policies.clock), irq-window "
            + "\(policies.interruptWindow), TSC \(policies.tsc)"
        ),
      ])
  }

  /// The numbers on top.
  func summary(_ html: inout HTMLText) {
    let totals = data.statistics.totals
    let exits = data.statistics.table.samples
    var tiles: [(String, String, String)] = [
      ("Exits", HTMLNumber.grouped(exits), exitsNote)
    ]
    if hasTimes {
      let (guest, handling) = (totals.inGuestNanoseconds, totals.handlingNanoseconds)
      let both = max(1, Double(guest) + Double(handling))
      tiles += [
        (
          "Host time", HTMLNumber.duration(totals.durationNanoseconds),
          totals.exitsPerSecond > 0
            ? "\(HTMLNumber.grouped(UInt64(totals.exitsPerSecond.rounded()))) exits/s" : ""
        ),
        (
          "In the guest", HTMLNumber.duration(guest),
          HTMLNumber.percent(100 * Double(guest) / both) + " of what was timed"
        ),
        (
          "Handling exits", HTMLNumber.duration(handling),
          exits > 0 ? "\(HTMLNumber.duration(handling / exits)) for each exit" : ""
        ),
      ]
    }
    if totals.events > 0 {
      let sealed = NumberText.count(totals.sealedSegments, "sealed segment")
      tiles += [
        (
          "Guest's clock", HTMLNumber.duration(totals.virtualTimeNanoseconds),
          "virtual time at the end"
        ),
        (
          "Interrupts", HTMLNumber.grouped(data.statistics.interrupts.samples),
          "on \(NumberText.count(UInt64(data.statistics.interrupts.rows.count), "vector"))"
        ),
        ("Kicks", HTMLNumber.grouped(totals.hostMadeExits), sealed),
        (
          "Events", HTMLNumber.grouped(totals.events),
          "\(HTMLNumber.grouped(totals.keyframes.values.reduce(0, &+))) keyframes"
        ),
        (
          "Console", HTMLNumber.bytes(totals.consoleBytes.values.reduce(0, &+)),
          totals.consoleBytes.keys.sorted().joined(separator: ", ")
        ),
      ]
    }
    html.element("dl", [("class", "tiles")]) { html in
      for tile in tiles {
        html.element("div") { html in
          html.element("dt", tile.0)
          html.element("dd", [("class", "value")], tile.1)
          if !tile.2.isEmpty { html.element("dd", tile.2) }
        }
      }
    }
    html.element("p", "Kernel exits: \(data.statistics.kernel.sentence).")
  }

  private var exitsNote: String {
    let places = data.statistics.table.rows.count
    return "for \(NumberText.count(UInt64(places), "reason"))"
  }

  /// The list of what stands out.
  func findings(_ html: inout HTMLText) {
    html.element("ul", [("class", "findings")]) { html in
      for finding in data.statistics.findings {
        html.element("li") { html in
          html.element("strong", HTMLNumber.percent(finding.exitsPercent))
          html.element("span") { html in
            html.text(finding.sentence + ".")
            if hasTimes, finding.handlingNanoseconds > 0 {
              html.markup(" <small>")
              html.text("\(HTMLNumber.duration(finding.handlingNanoseconds)) of handling.")
              html.markup("</small>")
            }
          }
        }
      }
    }
  }

  /// What the reel says of itself.
  func metadata(_ html: inout HTMLText) {
    guard let metadata = data.metadata else {
      html.element("p", "The reel's metadata could not be read.")
      return
    }
    let guest = metadata.guest
    let policies = metadata.policies
    var rows: [(String, String)] = [
      ("Trace format", data.format), ("Recorded by", metadata.tool),
      ("Command", metadata.commandLine.joined(separator: " ")),
      ("Guest", "\(guest.name) (\(guest.kind))"), ("SHA-256", guest.sha256),
      ("Entry", guest.entry ?? ""), ("Kernel command line", guest.append ?? ""),
    ]
    rows += guest.modules.map { ("Module", "\($0.name) \($0.sha256)") }
    if let initrd = guest.initrd { rows.append(("Initrd", "\(initrd.name) \(initrd.sha256)")) }
    rows += [
      ("Memory", "\(metadata.memoryMiB) MiB"), ("Board", metadata.board.name),
      ("CPU model", "\(metadata.cpu.model), CPUID \(metadata.cpu.cpuid)"),
      ("Host CPU", metadata.host.cpu), ("Host kernel", metadata.host.kernel),
      ("KVM module", metadata.host.kvmModule),
      (
        "RIP at exits",
        metadata.host.ripConventions.sorted { $0.key < $1.key }
          .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
      ),
      ("Placement", policies.placement), ("Clock", policies.clock),
      ("Interrupt window", policies.interruptWindow),
      ("TSC", policies.tsc + (policies.tscSites.map { ", \($0.rewritten.count) sites" } ?? "")),
      ("Quantum", HTMLNumber.duration(policies.quantumNanoseconds)),
      ("Exit cost", HTMLNumber.duration(policies.exitCostNanoseconds)),
      ("Check", policies.check), ("Keyframes", Listing.counts(data.statistics.totals.keyframes)),
    ]
    rows += (metadata.history ?? []).map {
      ("History", "\($0.operation) (\($0.tool)): \($0.removed)")
    }
    html.definitions(rows)
  }
}
