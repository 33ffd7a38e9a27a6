// Classifies the result codes of SQLite by what the caller can do. One table.
// Source of the codes: https://www.sqlite.org/rescode.html
//
//   kind         codes                               meaning, and what to do
//   unavailable  database_busy, interrupted,         The transaction is rolled back, or can be. Try it again.
//                disk_full
//   internal     fsync_failed                        The content of the disk is unknown. Try nothing again:
//                                                    only the recovery of the next start can tell.
//   internal     disk_failed, database_corrupt,      The file or its disk is damaged. Stop, and let a person
//                not_a_database, database_error,     look at it.
//                database_read_only, cannot_open
//   invalid      foreign_database, newer_database,   A person must act on the path, the file, or a table that
//                older_database, tables_differ,      is not as Weir creates it.
//                database_corrupt, cannot_open,
//                database_read_only
//
// Three codes have two kinds: Database::open() reports them as `invalid`, because the path is a setting.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace weir::sqlite {

inline constexpr std::string_view code_busy = "database_busy";       // another connection holds a lock
inline constexpr std::string_view code_interrupted = "interrupted";  // by Database::interrupt_when()
inline constexpr std::string_view code_disk_full = "disk_full";      // or the limit on file sizes is reached
inline constexpr std::string_view code_fsync_failed = "fsync_failed";
inline constexpr std::string_view code_disk_failed = "disk_failed";  // any other I/O error
inline constexpr std::string_view code_corrupt = "database_corrupt";
inline constexpr std::string_view code_not_a_database = "not_a_database";
inline constexpr std::string_view code_read_only = "database_read_only";
inline constexpr std::string_view code_cannot_open = "cannot_open";  // a directory, or no permission
inline constexpr std::string_view code_foreign =
    "foreign_database";  // made by another program, or of another kind
inline constexpr std::string_view code_newer = "newer_database";  // written by a newer Weir
inline constexpr std::string_view code_older = "older_database";  // not migrated yet, and opened only to read
inline constexpr std::string_view code_tables_differ =
    "tables_differ";                                              // a table, column or trigger was changed
inline constexpr std::string_view code_error = "database_error";  // everything else

// The error of an extended result code. Its text is `message` with the number of the code.
[[nodiscard]] Error error_of(int result, std::string message);

}  // namespace weir::sqlite
