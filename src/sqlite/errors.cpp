#include "sqlite/errors.hpp"

#include <algorithm>
#include <array>
#include <sqlite3.h>

namespace weir::sqlite {
namespace {

struct Meaning {
  int result;  // an extended code, or a primary one, which stands for all its extended codes
  ErrorKind kind;
  std::string_view code;
};

// The first entry that matches applies, so extended codes stand before primary ones.
constexpr std::array meanings{
    Meaning{SQLITE_IOERR_FSYNC, ErrorKind::internal, code_fsync_failed},
    Meaning{SQLITE_IOERR_DIR_FSYNC, ErrorKind::internal, code_fsync_failed},
    // Weir writes values that its own tables accept. A person added a constraint or a trigger.
    Meaning{SQLITE_CONSTRAINT_NOTNULL, ErrorKind::invalid, code_tables_differ},
    Meaning{SQLITE_CONSTRAINT_DATATYPE, ErrorKind::invalid, code_tables_differ},
    Meaning{SQLITE_CONSTRAINT_TRIGGER, ErrorKind::invalid, code_tables_differ},
    Meaning{SQLITE_CONSTRAINT_FOREIGNKEY, ErrorKind::invalid, code_tables_differ},

    Meaning{SQLITE_BUSY, ErrorKind::unavailable, code_busy},
    Meaning{SQLITE_LOCKED, ErrorKind::unavailable, code_busy},
    Meaning{SQLITE_PROTOCOL, ErrorKind::unavailable, code_busy},
    Meaning{SQLITE_INTERRUPT, ErrorKind::unavailable, code_interrupted},
    Meaning{SQLITE_FULL, ErrorKind::unavailable, code_disk_full},
    Meaning{SQLITE_IOERR, ErrorKind::internal, code_disk_failed},
    Meaning{SQLITE_CORRUPT, ErrorKind::internal, code_corrupt},
    Meaning{SQLITE_NOTADB, ErrorKind::internal, code_not_a_database},
    Meaning{SQLITE_READONLY, ErrorKind::internal, code_read_only},
    Meaning{SQLITE_CANTOPEN, ErrorKind::internal, code_cannot_open},
};
constexpr Meaning unforeseen{SQLITE_ERROR, ErrorKind::internal, code_error};

constexpr int primary_code_bits = 0xff;

}  // namespace

Error error_of(int result, std::string message) {
  const auto* const found = std::ranges::find_if(meanings, [result](const Meaning& meaning) {
    return meaning.result == result || meaning.result == (result & primary_code_bits);
  });
  const Meaning& meaning = found == meanings.end() ? unforeseen : *found;
  return {meaning.kind, meaning.code, std::move(message) + " (SQLite " + std::to_string(result) + ")"};
}

}  // namespace weir::sqlite
