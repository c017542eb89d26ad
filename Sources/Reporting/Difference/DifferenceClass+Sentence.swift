internal import Analysis

extension DifferenceClass {
  /// What kind of difference it is, in one sentence.
  var sentence: String {
    switch name {
    case .same: "The streams are equal."
    case .configuration: "The streams are equal, and the configuration differs."
    case .counts: "Only totals were compared, and they differ."
    case .times:
      "All host times of B are \(NumberText.fixed(factor ?? 1, decimals: 3)) times those of A, as "
        + "they never are of two runs: a clock or its unit differs."
    case .value: "Changed: \(events) with other data in B."
    case .rip:
      "The instruction is elsewhere in B (RIP \(shift.map(HunkText.signed) ?? "")) and does the same."
    case .registers: "Registers: no field that an event shows differs, only the digest of them."
    case .console: "Console text: \(events) with other characters in B."
    case .inserted: "Inserted: B has \(events) more here."
    case .burst: "Burst: B has \(events) of one kind more here."
    case .deleted: "Deleted: B lacks \(events) here."
    case .duplicated: "Duplicated: B has \(events) twice here."
    case .moved:
      "Moved: it comes \(events) of the guest \(isLater ? "later" : "earlier") in B."
    case .replaced: "Replaced: B has other events here."
    case .truncated: "Truncated: one stream ends here, and all before is the same."
    }
  }

  private var events: String { NumberText.count(UInt64(count), "event") }
}
