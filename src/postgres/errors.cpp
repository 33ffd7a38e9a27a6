#include "postgres/errors.hpp"

#include <algorithm>
#include <array>

namespace weir::postgres {
namespace {

struct Meaning {
  std::string_view sqlstate;  // all of it, or its first two characters, the class
  ErrorKind kind;
  std::string_view code;
  std::string_view advice = {};
};

// The first entry that matches applies, so whole codes stand before their class.
constexpr std::array meanings{
    Meaning{"08", ErrorKind::unavailable, code_lost},
    Meaning{"57P01", ErrorKind::unavailable, code_lost},
    Meaning{"57P02", ErrorKind::unavailable, code_lost},
    Meaning{"57P03", ErrorKind::unavailable, code_starting},
    Meaning{"57P05", ErrorKind::unavailable, code_lost},
    Meaning{"57014", ErrorKind::unavailable, commit::code_statement_timeout},
    Meaning{"25P03", ErrorKind::unavailable, commit::code_idle_in_transaction},
    Meaning{"25P04", ErrorKind::unavailable, commit::code_transaction_timeout},
    Meaning{"40", ErrorKind::unavailable, code_conflict},
    Meaning{"55P03", ErrorKind::unavailable, code_lock_timeout},
    Meaning{"53100", ErrorKind::unavailable, code_disk_full},
    Meaning{"53300", ErrorKind::unavailable, code_too_many},
    Meaning{"53", ErrorKind::unavailable, code_server_failed},
    Meaning{"58", ErrorKind::unavailable, code_server_failed},
    Meaning{"0A000", ErrorKind::unavailable,
            code_plan_outdated},  // "cached plan must not change result type"

    Meaning{"28", ErrorKind::invalid, code_access_denied,
            "check DB_USER and DB_PASSWORD or DATABASE_URL, and pg_hba.conf"},
    Meaning{"3D000", ErrorKind::invalid, code_no_database,
            "check DB_NAME or DATABASE_URL, or create the database"},
    Meaning{"42501", ErrorKind::invalid, code_forbidden,
            "the role needs to own Weir's tables, or rights on them"},
    Meaning{"25006", ErrorKind::invalid, code_read_only,
            "connect to the primary, not to a standby, and remove a read-only default"},
    Meaning{"26000", ErrorKind::invalid, code_no_sessions,
            "a connection pooler must pool sessions, not transactions"},
    Meaning{"3F", ErrorKind::invalid, code_tables_differ, "expected a schema in search_path"},
    Meaning{"42", ErrorKind::invalid, code_tables_differ, "expected the tables as Weir creates them"},

    Meaning{"22", ErrorKind::invalid, code_tables_differ, "expected the columns as Weir creates them"},
    Meaning{"23", ErrorKind::invalid, code_tables_differ,
            "expected the columns and constraints as Weir creates them"},
    Meaning{"25", ErrorKind::internal, code_error},
    Meaning{"54", ErrorKind::internal, code_error},
    Meaning{"XX001", ErrorKind::internal, code_damaged, "stop, and check the disk of the server"},
    Meaning{"XX002", ErrorKind::internal, code_damaged,
            "stop, and check the disk of the server; REINDEX may help"},
};
// A violated constraint of Weir itself is a defect of Weir.
constexpr Meaning row_exists{"23505", ErrorKind::internal, code_exists};
constexpr Meaning not_accounted_for{"23514", ErrorKind::internal, code_constraint};

// PostgreSQL names the constraints of a table <table>_pkey and <table>_<columns>_key. The checks have names
// of their own in schema.cpp.
bool is_of_weir(std::string_view constraint) {
  constexpr std::array checks{"every_record_is_accounted_for", "every_offset_is_accounted_for"};
  const bool is_key = constraint.ends_with("_pkey") || constraint.ends_with("_key");
  return (constraint.starts_with("activity_") && is_key) ||
         std::ranges::find(checks, constraint) != checks.end();
}

// An SQLSTATE that is not in the table. Unavailable, so that the program tries again and reports the message.
constexpr Meaning unforeseen{"", ErrorKind::unavailable, code_server_failed};

// The message of the server may have several lines; a log line has one.
std::string one_line(std::string_view message) {
  while (message.ends_with('\n')) message.remove_suffix(1);
  std::string line(message);
  std::ranges::replace(line, '\n', ' ');
  return line;
}

}  // namespace

Error error_of(std::string_view sqlstate, std::string_view message, std::string_view constraint) {
  const auto found = std::ranges::find_if(
      meanings, [sqlstate](const Meaning& meaning) { return sqlstate.starts_with(meaning.sqlstate); });
  const bool of_weir = is_of_weir(constraint);
  const Meaning& meaning = of_weir && sqlstate == row_exists.sqlstate          ? row_exists
                           : of_weir && sqlstate == not_accounted_for.sqlstate ? not_accounted_for
                           : found == meanings.end()                           ? unforeseen
                                                                               : *found;
  Error error{meaning.kind, meaning.code, "PostgreSQL: " + one_line(message)};
  if (!sqlstate.empty()) error.text += " (" + std::string(sqlstate) + ")";
  if (!meaning.advice.empty()) error.text += "; " + std::string(meaning.advice);
  return error;
}

}  // namespace weir::postgres
