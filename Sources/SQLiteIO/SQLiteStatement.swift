internal import CSQLite

/// A compiled statement whose parameters are bound in their order, then executed, again and again.
///
/// What is not bound is NULL.
@safe
public final class SQLiteStatement {
  private let statement: OpaquePointer
  private let database: SQLiteDatabase
  private var position: Int32 = 0
  /// The first failure of a binding, told by ``execute()``.
  private var failure: Int32 = SQLITE_OK

  init(_ statement: OpaquePointer, of database: SQLiteDatabase) {
    unsafe self.statement = statement
    self.database = database
  }

  deinit {
    _ = unsafe sqlite3_finalize(statement)
  }

  /// Binds an integer.
  public func bind(_ value: Int64) {
    position += 1
    note(unsafe sqlite3_bind_int64(statement, position, value))
  }

  /// Binds an integer, or NULL.
  public func bind(_ value: Int64?) {
    if let value { bind(value) } else { bindNull() }
  }

  /// Binds the two's complement of a number: what is above Int64's range becomes negative.
  public func bind(bits value: UInt64?) {
    if let value { bind(Int64(bitPattern: value)) } else { bindNull() }
  }

  /// Leaves a parameter NULL.
  public func bindNull() {
    position += 1
  }

  /// Binds text, or NULL.
  public func bind(_ text: String?) {
    position += 1
    guard let text else { return }
    // Safe: SQLite copies as many bytes as there are, and the C string has one more.
    note(unsafe vmreel_bind_text(statement, position, text, Int32(clamping: text.utf8.count)))
  }

  /// Binds bytes; none are NULL.
  public func bind(_ bytes: ArraySlice<UInt8>) {
    position += 1
    guard !bytes.isEmpty else { return }
    note(
      unsafe bytes.withUnsafeBytes {
        // Safe: SQLite copies as many bytes as there are.
        unsafe vmreel_bind_blob(statement, position, $0.baseAddress, Int32(clamping: $0.count))
      })
  }

  /// Executes the statement with what was bound, and forgets it.
  ///
  /// - Throws: ``SQLiteError``.
  public func execute() throws(SQLiteError) {
    let code = failure == SQLITE_OK ? unsafe sqlite3_step(statement) : failure
    let error = code == SQLITE_DONE || code == SQLITE_ROW ? nil : database.error(code)
    _ = unsafe sqlite3_reset(statement)
    _ = unsafe sqlite3_clear_bindings(statement)
    (position, failure) = (0, SQLITE_OK)
    if let error { throw error }
  }

  private func note(_ code: Int32) {
    if code != SQLITE_OK, failure == SQLITE_OK { failure = code }
  }
}
