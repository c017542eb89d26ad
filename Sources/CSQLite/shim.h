#include <sqlite3.h>

/// SQLITE_TRANSIENT is a cast that Swift does not import: SQLite makes its own copy.
static inline int vmreel_bind_text(sqlite3_stmt *statement, int parameter, const char *text, int count) {
  return sqlite3_bind_text(statement, parameter, text, count, SQLITE_TRANSIENT);
}

static inline int vmreel_bind_blob(sqlite3_stmt *statement, int parameter, const void *bytes, int count) {
  return sqlite3_bind_blob(statement, parameter, bytes, count, SQLITE_TRANSIENT);
}
