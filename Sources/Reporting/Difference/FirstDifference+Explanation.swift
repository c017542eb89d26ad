internal import Analysis

extension FirstDifference {
  /// What a reader must know to understand it: sentences, broken into lines.
  var explanations: [[String]] {
    var explanations: [[String]] = []
    if isHidden {
      explanations.append([
        "All visible fields agree and only the digest differs: the guests' registers (or flags)",
        "are different although neither has shown it yet. The cause lies between the last common",
        "event and this one; replay both reels to it and compare their registers.",
      ])
    }
    if isHostPlacedInterrupt {
      explanations.append([
        "An interrupt was delivered where the host had stopped a guest, and the host decides when",
        "that is: two recordings can only be equal if no kick fell into them.",
      ])
    }
    return explanations
  }

  /// Where replays to the difference begin.
  var keyframeSentences: [String] {
    [("A", keyframeA), ("B", keyframeB)].compactMap { side, keyframe in
      keyframe.map {
        "\(side): behind keyframe \($0.number) at event \($0.event), where the guest's clock said "
          + "\(NumberText.fixed(Double($0.virtualTimeNanoseconds) / 1e6, decimals: 3)) ms."
      }
    }
  }
}
