// Brings a SQLite file to the newest version of its tables and views (schema.hpp).
//
// To add a migration:
//   1. Append an entry to the list of the file in schema.cpp. Its SQL leads from the version before to the
//      new one. A released entry never changes. schema_test.cpp pins the text of each entry and of the views.
//   2. If only views change, append an empty entry. The views are replaced after the migrations of an older
//      file, and at no other time.
//   3. Use Migration::skip_if where some files of the older version have the change already. SQLite has no
//      ADD COLUMN IF NOT EXISTS.
//   4. A migration that drops or renames a column which a view reads drops that view first.
//   5. Add the same change to src/postgres/schema.cpp: both stores have the same tables.
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "sqlite/database.hpp"

namespace weir::sqlite {

// Runs the migrations that the file lacks, replaces the views, and sets application_id and user_version, all
// in one transaction: after a crash, a kill or an error the file is as it was before or of the newest
// version. If several processes start at once, one migrates, and the others wait for up to the busy timeout
// and find nothing to do.
//
// Call it outside of a transaction. Cost: a full pass of the SQL, and no more for a file that is up to date
// than the write lock. Errors are those of errors.hpp; code_newer as check_version(). After any error nothing
// has changed, unless the COMMIT itself failed: then the next open() finds out.
Result<void> migrate(Database& database, const FileKind& kind);

// ErrorKind::invalid, code_newer: a newer Weir wrote the file.
Result<void> check_version(const Database& database, const FileKind& kind, std::int64_t version);

}  // namespace weir::sqlite
