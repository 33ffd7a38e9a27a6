// Classifies the errors of PostgreSQL by what the caller can do. One table, by SQLSTATE.
// Source of the codes: https://www.postgresql.org/docs/15/errcodes-appendix.html
//
//   kind         meaning, and what to do
//   unavailable  The server does not answer, starts, is busy or full, or two transactions conflict. Run the
//                whole transaction again.
//   invalid      A person must act: on the password, the rights, a standby server, or a table, column or
//                constraint that is not as Weir creates it (also noticed by values that a column rejects).
//   internal     A statement breaks a rule of Weir itself, or the database is damaged. Stop, and look at it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "commit/metrics_store.hpp"

namespace weir::postgres {

inline constexpr std::string_view code_lost =
    "connection_lost";  // or never opened: no answer, shut down, killed
inline constexpr std::string_view code_starting = "database_starting";  // or shutting down, or recovering
inline constexpr std::string_view code_too_many = "too_many_connections";
inline constexpr std::string_view code_conflict = "transaction_conflict";  // deadlock, serialization
inline constexpr std::string_view code_lock_timeout = "lock_timeout";
using commit::code_idle_in_transaction;  // the server ended the session
using commit::code_response_timeout;
using commit::code_statement_timeout;
using commit::code_transaction_timeout;
inline constexpr std::string_view code_disk_full = "disk_full";
inline constexpr std::string_view code_server_failed =
    "server_failed";  // out of memory, I/O error, internal error
inline constexpr std::string_view code_plan_outdated =
    "plan_outdated";  // a table was altered under the session

inline constexpr std::string_view code_settings = "database_settings";   // DATABASE_URL cannot be read
inline constexpr std::string_view code_access_denied = "access_denied";  // password, role or pg_hba.conf
inline constexpr std::string_view code_no_database = "no_such_database";
inline constexpr std::string_view code_forbidden = "permission_denied";
inline constexpr std::string_view code_read_only = "database_read_only";
inline constexpr std::string_view code_tables_differ =
    "tables_differ";  // a table, column or index is missing or was changed
inline constexpr std::string_view code_no_sessions =
    "no_sessions";  // a connection pooler in transaction mode

inline constexpr std::string_view code_constraint = "constraint_violated";
inline constexpr std::string_view code_exists = "row_exists";
inline constexpr std::string_view code_damaged = "database_damaged";
inline constexpr std::string_view code_error = "database_error";

// The error of an SQLSTATE. `message` is that of the server. `constraint` is the violated one, if any:
// ErrorKind::internal if it is one of Weir, ErrorKind::invalid if a person added it. The text is one line,
// "PostgreSQL: <message> (<sqlstate>)", with an advice where the message needs one. Pure.
[[nodiscard]] Error error_of(std::string_view sqlstate, std::string_view message,
                             std::string_view constraint = {});

}  // namespace weir::postgres
