// Brings a database to the tables and views of schema.hpp.
#pragma once

#include "base/result.hpp"
#include "postgres/connection.hpp"

namespace weir::postgres {

inline constexpr std::string_view code_newer = "newer_database";  // its tables were made by a newer Weir
inline constexpr std::string_view code_too_old = "server_too_old";
inline constexpr std::string_view code_encoding = "database_encoding";  // not UTF8

// Applies the migrations that the database lacks, all of them or none, in one transaction under an advisory
// lock: of several processes that start at once, one does it and the others wait and find it done. Nothing to
// do costs four round trips and needs no right to create anything. A user_activity_metrics that is there
// already is left as it is with its rows; its columns must be ones that Weir can fill.
//
// Outside a transaction. Errors: ErrorKind::invalid, a person must act: the codes above, code_tables_differ
// (naming table and column), code_read_only (a standby), code_forbidden. ErrorKind::unavailable: the database
// is away or busy; ask again.
Result<void> migrate(Connection& connection);

// The last step of migrate() alone: ErrorKind::invalid, code_tables_differ, if a table or column that Weir
// uses is missing or of another type, naming the first. One round trip.
Result<void> check_columns(Connection& connection);

}  // namespace weir::postgres
