// Brings a database to the newest version of its tables and views (schema.hpp).
//
// To add a migration:
//   1. Append an entry to the list in schema.cpp. Its SQL leads from the version before to the new one. A
//      released entry never changes. schema_test.cpp pins the text of each entry and of the views.
//   2. If only views change, append an empty entry. The views are replaced after the migrations of an older
//      database, and at no other time.
//   3. A migration that drops or renames a column which a view reads drops that view first.
//   4. Add new columns and tables to the list of columns in schema.cpp, which check_columns() compares.
//   5. Processes of the old version may still run beside the new one. So a column is added before it is used,
//      and it is nullable or has a default.
//   6. Add the same change to src/sqlite/schema.cpp: both stores have the same tables.
#pragma once

#include "base/result.hpp"
#include "postgres/connection.hpp"

namespace weir::postgres {

inline constexpr std::string_view code_newer = "newer_database";  // a newer Weir migrated it
inline constexpr std::string_view code_too_old = "server_too_old";
inline constexpr std::string_view code_encoding = "database_encoding";  // other than UTF8

// Runs the migrations that the database lacks and replaces the views, in one transaction under an advisory
// lock: after a crash or an error the database is as it was before or of the newest version. If several
// processes start at once, one migrates, and the others wait and find nothing to do. If nothing is to be
// done, it costs four round trips and needs no right to create anything. An existing user_activity_metrics
// stays as it is, with its rows; Weir must be able to fill its columns.
//
// Call it outside of a transaction. ErrorKind::invalid, a person must act: one of the codes above,
// code_tables_differ (the text names table and column), code_read_only (a standby), code_forbidden.
// ErrorKind::unavailable: the database does not answer or is busy; call again.
Result<void> migrate(Connection& connection);

// The last step of migrate() alone. ErrorKind::invalid, code_tables_differ: a table or column that Weir uses
// is missing or of another type; the text names the first. One round trip.
Result<void> check_columns(Connection& connection);

}  // namespace weir::postgres
