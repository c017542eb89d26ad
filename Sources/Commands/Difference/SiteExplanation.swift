internal import Analysis
internal import KVM
internal import Machine
internal import Replay
internal import Trace

/// Finds out whether RDTSC, RDRAND and their like make two runs part, where that is too far from the
/// last equal state for single steps.
///
/// Both guests run to their next exit, trapped at each of these instructions, with A's results in B.
/// If no difference is left then, the instructions made it. A first run traps all sites that decoding
/// finds; some may be no instructions, and a guest whose other code or data was altered that way
/// shows nothing. So what is reported comes from further runs, which trap only the sites at which the
/// first caught both guests: there an instruction began, and no other byte is altered. Should the
/// first run go astray, sites are missing from the further ones, the difference stays, and no cause
/// is claimed for certain.
struct SiteExplanation {
  /// How long each guest may run to its next exit.
  private static let runLimitNanoseconds: UInt64 = 20_000_000_000

  private typealias Comparison = SiteComparison<KVMProcessor>

  private let memory: DiffMemory
  private let search: StateSearch
  private let moment: CommonMoment

  /// - Parameter moment: the last at which the guests' states are equal.
  init(_ memory: DiffMemory, _ search: StateSearch, _ moment: CommonMoment) {
    self.memory = memory
    self.search = search
    self.moment = moment
  }

  /// A run of both guests.
  private struct Trial {
    enum Result {
      /// Both came to the same exit, the one that A's log has, with equal memory.
      case equal
      /// They did not.
      case different
      /// That could not be seen: one clause.
      case unseen(String)
    }

    var hits: [Comparison.Hit]
    var result: Result
    /// Whether both came to an exit, so that what they executed before it is known.
    var reachesExit: Bool
    /// The sites that A's code holds at the end: the guest may have written some on the way.
    var sitesBehind: Set<UncontrolledSite> = []
    /// Why an equal result does not show that the first difference goes; `nil` when it does.
    var doubt: String?
    var isEqual: Bool { if case .equal = result { true } else { false } }
  }

  /// Explains.
  ///
  /// - Parameter found: what is said when these instructions tell nothing.
  /// - Throws: ``CommandFailure`` when KVM fails.
  func explain(otherwise found: Explanation) throws -> Explanation {
    guard let stops = try stops() else { return found }
    memory.guests.activity?.tell("searching the code for RDTSC and its like")
    let sites = searchedSites(stops.a.state, stops.a.memory)
    let searched =
      "\(sites.byteCount >> 10) KiB of the code that was mapped there were searched for RDTSC, "
      + "RDTSCP, RDRAND, RDSEED and RDPID"
      + (sites.omissions.isEmpty ? "" : " (\(sites.omissions.joined(separator: "; ")))")
    let common = sites.sites.filter {
      stops.b.memory.read($0.physicalAddress, count: $0.bytes.count) == $0.bytes
    }
    guard !common.isEmpty else {
      return found.adding(
        searched
          + (sites.sites.isEmpty
            ? ": there is none in A" : ": \(sites.sites.count) found in A, none of them in B"))
    }
    let survey = try run(stops, common) { _ in true }
    let trapped = searched + ": \(common.count) found, and trapped in a replay of both"
    guard !survey.hits.isEmpty else {
      guard case .unseen(let clause) = survey.result else {
        return found.adding(trapped + "; none was executed by both alike before the next exit")
      }
      return found.adding(trapped + "; none was seen: \(clause)")
    }
    let executed = survey.hits.map(\.site)
    guard let trial = try run(executed, forcing: { _ in true }), !trial.hits.isEmpty else {
      return found.adding(trapped + "; a second replay did not come there again")
    }
    let isComplete =
      sites.omissions.isEmpty && trial.hits == survey.hits
      && survey.reachesExit && trial.reachesExit
      && trial.sitesBehind.isSubset(of: common)
    var explanation = try judge(trial, executed, isComplete: isComplete)
    explanation.instruction = found.instruction
    explanation.evidence = found.evidence + [trapped] + explanation.evidence
    explanation.excluded =
      found.excluded.filter { $0.cause != .timestampInstruction }
      + explanation.excluded
    if explanation.certainty != .certain, explanation.obstacle == nil {
      explanation.obstacle = found.obstacle
    }
    return explanation
  }

  private func searchedSites(_ state: VCPUState, _ memory: GuestMemory)
    -> UncontrolledSiteSearch
  {
    UncontrolledSiteSearch(state, memory) { [symbols = self.memory.symbols] address in
      symbols?.symbol(at: address).map { address &- $0.offset }
    }
  }

  // MARK: Runs

  private typealias Stops = (a: GuestPair.Stop, b: GuestPair.Stop)

  private func stops() throws -> Stops? {
    guard case (.success(let left), .success(let right)) = try memory.guests.replayBoth(to: moment)
    else { return nil }
    return (left, right)
  }

  private func run(
    _ sites: [UncontrolledSite], forcing forced: (UncontrolledSite) -> Bool
  ) throws -> Trial? {
    try stops().map { try run($0, sites, forcing: forced) }
  }

  private func run(
    _ stops: Stops, _ sites: [UncontrolledSite], forcing forced: (UncontrolledSite) -> Bool
  ) throws -> Trial {
    memory.guests.activity?.tell("running both, trapped at \(sites.count) instructions")
    let logged = try LoggedExit(memory, after: stops.a)
    let finding = try stops.a.session.naming { () throws(ReplayError) in
      try Comparison(stops.a.session.replayer, stops.b.session.replayer, sites: sites)
        .run(limitNanoseconds: Self.runLimitNanoseconds, forcing: forced)
    }
    try stops.a.requireUninterrupted()
    try stops.b.requireUninterrupted()
    let result: Trial.Result
    switch finding.outcome {
    case .parted: result = .different
    case .limit(let clause): result = .unseen(clause + " and made no exit")
    case .blocked(let clause): result = .unseen(clause)
    case .sameExit where !logged.isMade(finding.exit, comparesValue: false):
      result = .unseen("the exit that both made is not the one in A's log")
    case .sameExit:
      let pages = stops.a.memory.pagesDiffering(from: stops.b.memory)
      result = search.initialPages.isSuperset(of: pages) ? .equal : .different
    }
    var trial = Trial(
      hits: finding.hits, result: result, reachesExit: finding.exit != nil, doubt: logged.doubt)
    if case .different = result {
      trial.sitesBehind = Set(searchedSites(stops.a.state, stops.a.memory).sites)
    }
    return trial
  }

  // MARK: Judgement

  /// - Parameter isComplete: whether no such instruction is likely to have been missed.
  private func judge(
    _ trial: Trial, _ executed: [UncontrolledSite], isComplete: Bool
  ) throws -> Explanation {
    let sites = trial.hits.compactMap { self.site($0) }
    switch trial.result {
    case .equal: return try equal(sites, executed, trial.doubt)
    case .different: return remaining(sites, isComplete)
    case .unseen(let clause): return probable(sites, clause)
    }
  }

  /// The guests do not part any more.
  private func equal(
    _ sites: [Explanation.Site], _ executed: [UncontrolledSite], _ doubt: String?
  ) throws -> Explanation {
    let causes = Set(sites.map(\.cause))
    // Of several kinds one may do nothing: each is forced alone.
    var sufficient: [Explanation.Cause] = []
    var excluded: [Explanation.Exclusion] = []
    if causes.count > 1 {
      for cause in causes.sorted(by: { $0.rawValue < $1.rawValue }) {
        let alone = try run(executed) { DecodedCode($0.bytes, bits: $0.bits)?.cause == cause }
        if alone?.isEqual == true {
          sufficient.append(cause)
        } else {
          excluded.append(
            .init(
              cause, how: "with A's results of \(cause.rawValue) alone in B the difference stays"))
        }
      }
    }
    let only = sufficient.count == 1 ? sufficient.first : nil
    let cause = sufficient.first ?? sites.first?.cause ?? .notFound
    // Where each alone does, one of them did by chance.
    let doubt =
      sufficient.count > 1
      ? "A's results of \(sufficient.map(\.rawValue).joined(separator: " and of ")), each alone, do it"
      : doubt
    var explanation = Explanation(
      cause, doubt == nil ? .certain : .probable,
      summary: sentence(sites, cause) + (doubt == nil ? "certain cause" : "probable cause"))
    explanation.sites = sites
    explanation.excluded = sufficient.isEmpty || doubt != nil ? [] : excluded
    explanation.evidence = [
      "with A's results\(only.map { " of \($0.rawValue)" } ?? "") in B's registers at "
        + (total(sites, only) == 1 ? "1 execution" : "\(total(sites, only)) executions")
        + ", in the same order in both, B makes the same next "
        + "exit with equal registers and memory" + (doubt.map { "; but \($0)" } ?? "")
    ]
    return explanation
  }

  private func probable(_ sites: [Explanation.Site], _ obstacle: String) -> Explanation {
    let cause = sites.first?.cause ?? .notFound
    var explanation = Explanation(
      cause, .probable, summary: sentence(sites, cause) + "probable cause")
    explanation.sites = sites
    explanation.evidence = [
      "whether A's results in B take the difference away was not seen: \(obstacle)"
    ]
    return explanation
  }

  /// The difference has stayed.
  private func remaining(_ sites: [Explanation.Site], _ isComplete: Bool) -> Explanation {
    let causes = Set(sites.map(\.cause)).sorted { $0.rawValue < $1.rawValue }
    let names = causes.map(\.rawValue).joined(separator: " and ")
    var explanation = Explanation(
      .notFound, .unknown,
      summary: "not found: \(names) executed \(times(total(sites, nil))) after event \(moment.a), "
        + "but with A's results in B the guests still part")
    explanation.sites = sites
    guard isComplete else {
      explanation.evidence = ["such instructions may have been executed elsewhere, untrapped"]
      return explanation
    }
    explanation.excluded = causes.map {
      .init($0, how: "with A's results in B's registers at every execution the difference stays")
    }
    return explanation
  }

  // MARK: Words

  private func site(_ hit: Comparison.Hit) -> Explanation.Site? {
    guard let code = DecodedCode(hit.site.bytes, bits: hit.site.bits), let cause = code.cause else {
      return nil
    }
    let address = hit.site.virtualAddress
    return Explanation.Site(
      address: address, symbol: memory.symbols?.text(at: address),
      instruction: code.text(at: address) ?? cause.rawValue, cause: cause, count: hit.count)
  }

  private func total(_ sites: [Explanation.Site], _ cause: Explanation.Cause?) -> UInt64 {
    sites.filter { cause == nil || $0.cause == cause }.reduce(0) { $0 + $1.count }
  }

  private func times(_ count: UInt64) -> String { count == 1 ? "once" : "\(count) times" }

  private func sentence(_ sites: [Explanation.Site], _ cause: Explanation.Cause) -> String {
    let own = sites.filter { $0.cause == cause }
    guard let most = own.max(by: { $0.count < $1.count }) else { return "" }
    let place = most.address.description + (most.symbol.map { " (\($0))" } ?? "")
    let count = total(own, nil)
    return "\(cause.rawValue) executed at \(place)"
      + (own.count > 1 ? " and \(own.count - 1) other place\(own.count > 2 ? "s" : "")," : "")
      + " " + times(count)
      + " after event \(moment.a), before the first difference: "
  }
}

extension Explanation {
  fileprivate func adding(_ evidence: String) -> Explanation {
    var explanation = self
    explanation.evidence.append(evidence)
    return explanation
  }
}
