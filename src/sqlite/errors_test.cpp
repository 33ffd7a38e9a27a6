#include "sqlite/errors.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

namespace weir::sqlite {
namespace {

struct Case {
  int result;
  ErrorKind kind;
  std::string_view code;
};

TEST(Errors, AreClassifiedByWhatTheCallerCanDo) {
  for (const auto& [result, kind, code] : {
           Case{SQLITE_BUSY_SNAPSHOT, ErrorKind::unavailable, code_busy},
           Case{SQLITE_LOCKED, ErrorKind::unavailable, code_busy},
           Case{SQLITE_INTERRUPT, ErrorKind::unavailable, code_interrupted},
           Case{SQLITE_FULL, ErrorKind::unavailable, code_disk_full},
           Case{SQLITE_IOERR_FSYNC, ErrorKind::internal, code_fsync_failed},
           Case{SQLITE_IOERR_DIR_FSYNC, ErrorKind::internal, code_fsync_failed},
           Case{SQLITE_IOERR_WRITE, ErrorKind::internal, code_disk_failed},
           Case{SQLITE_CORRUPT_INDEX, ErrorKind::internal, code_corrupt},
           Case{SQLITE_NOTADB, ErrorKind::internal, code_not_a_database},
           Case{SQLITE_READONLY_DBMOVED, ErrorKind::internal, code_read_only},
           Case{SQLITE_CANTOPEN_ISDIR, ErrorKind::internal, code_cannot_open},
           Case{SQLITE_CONSTRAINT_NOTNULL, ErrorKind::invalid, code_tables_differ},
           Case{SQLITE_CONSTRAINT_TRIGGER, ErrorKind::invalid, code_tables_differ},
           Case{SQLITE_CONSTRAINT_CHECK, ErrorKind::internal, code_error},
           Case{SQLITE_CONSTRAINT_UNIQUE, ErrorKind::internal, code_error},
           Case{SQLITE_MISUSE, ErrorKind::internal, code_error},
       }) {
    const Error error = error_of(result, "words");
    EXPECT_EQ(error.kind, kind) << result;
    EXPECT_EQ(error.code, code) << result;
    EXPECT_EQ(error.text, "words (SQLite " + std::to_string(result) + ")");
  }
}

}  // namespace
}  // namespace weir::sqlite
