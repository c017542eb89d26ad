internal import Trace

/// What a report says of the exits at ports, in guest memory or at MSRs, each place by itself.
public struct ReportPlaces: Equatable, Sendable {
  /// One place, in one direction.
  public struct Place: Equatable, Sendable {
    /// The counts and times.
    public var row: ExitRow
    /// Exits by interval of the report's timeline.
    public var counts: [UInt64]
    /// The code that uses it, RIPs or symbols, most exits first.
    public var users: [User]
    /// Users that are not among them.
    public var omittedUsers: Int
  }

  /// Code that uses a place.
  public struct User: Equatable, Sendable {
    /// RIP or symbol.
    public var name: String
    /// Its exits.
    public var samples: UInt64
  }

  /// ``ExitDimension/port``, ``ExitDimension/gpa`` or ``ExitDimension/msr``.
  public var dimension: ExitDimension
  /// All places.
  public var table: ExitTable
  /// Those with most exits.
  public var places: [Place]
}

/// Fills a ``ReportPlaces``.
struct PlaceCollector {
  /// Places told of in detail.
  private static let maximumPlaces = 64
  /// Users of each that are named.
  private static let maximumUsers = 10

  private let dimension: ExitDimension
  private let space: AddressSpace
  private var table: ExitTabulator
  private var index: ExitRowIndex
  private var counts: [IntervalCounts] = []
  private var userIndex: ExitRowIndex
  private var userCounts: [UInt64] = []

  init(_ dimension: ExitDimension, _ names: ExitNames) {
    self.dimension = dimension
    space = dimension.space ?? .none
    table = ExitTabulator(.vmexit, by: [dimension], names)
    index = ExitRowIndex([dimension], names)
    userIndex = ExitRowIndex([dimension, names.symbols == nil ? .rip : .symbol], names)
  }

  var columns: Set<EventColumn> { table.columns.union(userIndex.columns) }

  @inline(__always)
  mutating func count(_ exit: borrowing ExitSample, in interval: Int) {
    guard exit.space == space, let row = index.row(of: exit) else { return }
    table.observe(exit)
    if row == counts.count { counts.append(IntervalCounts()) }
    counts[row].add(interval)
    guard let user = userIndex.row(of: exit) else { return }
    if user == userCounts.count { userCounts.append(0) }
    userCounts[user] &+= 1
  }

  mutating func double() {
    for row in counts.indices { counts[row].double() }
  }

  /// The places so far.
  ///
  /// - Parameter intervalCount: the timeline's.
  func places(_ intervalCount: Int) -> ReportPlaces {
    let table = table.table()
    let top = table.rows.prefix(Self.maximumPlaces)
    var rowOfName: [String: Int] = [:]
    for row in counts.indices { rowOfName[index.cells(row)[0]] = row }
    let wanted = Set(top.map { $0.cells[0] })
    var users: [String: [ReportPlaces.User]] = [:]
    for row in userCounts.indices {
      let cells = userIndex.cells(row)
      guard wanted.contains(cells[0]) else { continue }
      users[cells[0], default: []].append(
        ReportPlaces.User(name: cells[1], samples: userCounts[row]))
    }
    let places = top.map { row in
      let sorted = (users[row.cells[0]] ?? []).sorted {
        ($1.samples, $0.name) < ($0.samples, $1.name)
      }
      return ReportPlaces.Place(
        row: row,
        counts: rowOfName[row.cells[0]].map { counts[$0].padded(to: intervalCount) } ?? [],
        users: Array(sorted.prefix(Self.maximumUsers)),
        omittedUsers: max(0, sorted.count - Self.maximumUsers))
    }
    return ReportPlaces(dimension: dimension, table: table, places: Array(places))
  }
}
