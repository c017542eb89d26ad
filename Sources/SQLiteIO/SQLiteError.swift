/// Something SQLite refused.
public struct SQLiteError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The database's path.
  public var path: String
  /// SQLite's extended result code (sqlite3.h, SQLITE_*).
  public var code: Int32
  /// SQLite's own words: `database or disk is full`.
  public var reason: String

  /// One sentence: what failed, on which path, why.
  public var description: String { "cannot write \(path): \(reason)" }
}
