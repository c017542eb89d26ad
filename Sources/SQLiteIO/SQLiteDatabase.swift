internal import CSQLite

/// A database being written, by one thread, from nothing to its end.
///
/// Nobody reads it before it is whole, so it has no journal and waits for no disk: a failure leaves
/// a file that is to be thrown away.
@safe
public final class SQLiteDatabase {
  /// Pages of the file kept in memory, in KiB: what bounds the memory of any export.
  private static let cacheKiB = 16 << 10

  private let path: String
  private var connection: OpaquePointer?

  /// Opens an empty file as a database and begins a transaction.
  ///
  /// - Throws: ``SQLiteError``.
  public init(path: String) throws(SQLiteError) {
    self.path = path
    var opened: OpaquePointer?
    // NOMUTEX: one thread uses it. No name is taken for a URI (`file:`) or `:memory:`.
    let code = unsafe sqlite3_open_v2(
      path.hasPrefix("/") ? path : "./" + path, &opened,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nil)
    // Even a failed open leaves a connection to close; `deinit` does.
    unsafe connection = opened
    guard code == SQLITE_OK else { throw error(code) }
    try execute(
      """
      PRAGMA page_size = 8192;
      PRAGMA journal_mode = OFF;
      PRAGMA synchronous = OFF;
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA cache_size = -\(Self.cacheKiB);
      BEGIN;
      """)
  }

  deinit {
    _ = unsafe sqlite3_close_v2(connection)
  }

  /// Executes statements without parameters.
  ///
  /// - Throws: ``SQLiteError``.
  public func execute(_ statements: String) throws(SQLiteError) {
    let code = unsafe sqlite3_exec(connection, statements, nil, nil, nil)
    guard code == SQLITE_OK else { throw error(code) }
  }

  /// Compiles one statement with parameters.
  ///
  /// - Throws: ``SQLiteError``.
  public func prepare(_ statement: String) throws(SQLiteError) -> SQLiteStatement {
    var prepared: OpaquePointer?
    let code = unsafe sqlite3_prepare_v3(
      connection, statement, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
    guard code == SQLITE_OK, let prepared = unsafe prepared else { throw error(code) }
    return unsafe SQLiteStatement(prepared, of: self)
  }

  /// Ends the transaction; the file is whole.
  ///
  /// - Throws: ``SQLiteError``.
  public func commit() throws(SQLiteError) {
    try execute("COMMIT")
  }

  func error(_ code: Int32) -> SQLiteError {
    // Safe: SQLite's message is NUL-terminated and copied at once.
    let reason = unsafe String(cString: sqlite3_errmsg(connection))
    return SQLiteError(path: path, code: code, reason: reason)
  }
}
