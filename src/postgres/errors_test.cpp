#include "postgres/errors.hpp"

#include <gtest/gtest.h>

namespace weir::postgres {
namespace {

struct Case {
  std::string_view sqlstate;
  ErrorKind kind;
  std::string_view code;
};

TEST(Errors, AreClassifiedByWhatTheCallerCanDo) {
  for (const auto& [sqlstate, kind, code] : {
           Case{"08006", ErrorKind::unavailable, code_lost},
           Case{"57P01", ErrorKind::unavailable, code_lost},
           Case{"57P03", ErrorKind::unavailable, code_starting},
           Case{"53300", ErrorKind::unavailable, code_too_many},
           Case{"40001", ErrorKind::unavailable, code_conflict},
           Case{"40P01", ErrorKind::unavailable, code_conflict},
           Case{"55P03", ErrorKind::unavailable, code_lock_timeout},
           Case{"57014", ErrorKind::unavailable, code_statement_timeout},
           Case{"25P03", ErrorKind::unavailable, code_idle_in_transaction},
           Case{"53100", ErrorKind::unavailable, code_disk_full},
           Case{"53200", ErrorKind::unavailable, code_server_failed},
           Case{"58030", ErrorKind::unavailable, code_server_failed},
           Case{"28P01", ErrorKind::invalid, code_access_denied},
           Case{"28000", ErrorKind::invalid, code_access_denied},
           Case{"3D000", ErrorKind::invalid, code_no_database},
           Case{"42703", ErrorKind::invalid, code_tables_differ},
           Case{"42P01", ErrorKind::invalid, code_tables_differ},
           Case{"42P10", ErrorKind::invalid, code_tables_differ},
           Case{"42501", ErrorKind::invalid, code_forbidden},
           Case{"25006", ErrorKind::invalid, code_read_only},
           Case{"26000", ErrorKind::invalid, code_no_sessions},
           Case{"23502", ErrorKind::invalid, code_tables_differ},
           Case{"22003", ErrorKind::invalid, code_tables_differ},
           Case{"25P02", ErrorKind::internal, code_error},
           Case{"XX001", ErrorKind::internal, code_damaged},
       }) {
    const Error error = error_of(sqlstate, "words");
    EXPECT_EQ(error.kind, kind) << sqlstate;
    EXPECT_EQ(error.code, code) << sqlstate;
  }
}

TEST(Errors, AreInvalidUnlessTheConstraintIsWeirsOwn) {
  struct Violation {
    std::string_view sqlstate;
    std::string_view constraint;
    ErrorKind kind;
    std::string_view code;
  };
  for (const auto& [sqlstate, constraint, kind, code] : {
           Violation{"23514", "every_record_is_accounted_for", ErrorKind::internal, code_constraint},
           Violation{"23514", "every_offset_is_accounted_for", ErrorKind::internal, code_constraint},
           Violation{"23505", "activity_ledger_pkey", ErrorKind::internal, code_exists},
           Violation{"23505", "activity_dead_letters_topic_partition_offset_key", ErrorKind::internal,
                     code_exists},
           Violation{"23514", "no_robots", ErrorKind::invalid, code_tables_differ},
           Violation{"23505", "one_flush_a_minute", ErrorKind::invalid, code_tables_differ},
           Violation{"23503", "activity_ledger_group_id_fkey", ErrorKind::invalid, code_tables_differ},
       }) {
    const Error error = error_of(sqlstate, "words", constraint);
    EXPECT_EQ(error.kind, kind) << constraint;
    EXPECT_EQ(error.code, code) << constraint;
  }
}

TEST(Errors, AreUnavailableIfUnknown) {
  for (const std::string_view sqlstate : {"XX000", "P0001", ""})
    EXPECT_EQ(error_of(sqlstate, "?").kind, ErrorKind::unavailable);
}

TEST(Errors, AreOneLineWithTheMessageAndAnAdvice) {
  EXPECT_EQ(error_of("53100", "could not extend file:\nNo space left on device\n").text,
            "PostgreSQL: could not extend file: No space left on device (53100)");
  EXPECT_EQ(error_of("3D000", "database \"x\" does not exist").text,
            "PostgreSQL: database \"x\" does not exist (3D000); check DB_NAME or DATABASE_URL, or create the "
            "database");
}

}  // namespace
}  // namespace weir::postgres
