/// What somebody who wrote a name that does not exist may have meant.
enum NearestNames {
  private static let maximumCount = 3
  /// Longer names are no slips of the pen.
  private static let maximumLength = 64

  /// The names that hold the one that was written, and those with few other letters, best first.
  static func of(_ written: String, among names: Set<String>) -> [String] {
    guard !written.isEmpty, written.count <= maximumLength else { return [] }
    let word = Array(written.lowercased())
    let rated = names.compactMap { name -> (name: String, distance: Int)? in
      let other = Array(name.lowercased())
      guard other.count <= maximumLength else { return nil }
      let distance = distance(word, other)
      let isNear = distance <= max(1, word.count / 3)
      return isNear || (word.count > 2 && name.lowercased().contains(written.lowercased()))
        ? (name, distance) : nil
    }
    return rated.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
      .prefix(maximumCount).map(\.name)
  }

  /// Letters to insert, delete or replace (Levenshtein's distance).
  private static func distance(_ left: [Character], _ right: [Character]) -> Int {
    var row = Array(0...right.count)
    for (index, letter) in left.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for (place, other) in right.enumerated() {
        let replaced = diagonal + (letter == other ? 0 : 1)
        diagonal = row[place + 1]
        row[place + 1] = min(replaced, row[place] + 1, row[place + 1] + 1)
      }
    }
    return row[right.count]
  }
}
