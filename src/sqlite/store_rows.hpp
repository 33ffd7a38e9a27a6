// Converts rows of the metrics store to C++ values, for the store and the reader. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "report/dead_letters.hpp"
#include "sqlite/database.hpp"
#include "tally/ledger.hpp"
#include "tally/window.hpp"

namespace weir::sqlite {

// The text of a moment in a public table (schema.hpp), and back. ErrorKind::invalid, moment_unreadable: a
// person has written another text there and must correct it.
[[nodiscard]] std::string moment_text(WallTime moment);
[[nodiscard]] Result<WallTime> parse_moment(std::string_view text);

// Reads the row on which a statement with tally::ledger_columns stands. Errors are those of parse_moment().
[[nodiscard]] Result<tally::LedgerRow> ledger_row(const Statement& statement);

// The columns of activity_windows that window_row() reads, for a SELECT.
inline constexpr std::string_view window_columns =
    "dimension, value, events, page_views, rolled_events, rolled_page_views, place, stored_values, users";
inline constexpr int window_column_count = 9;
// Reads the row on which such a statement stands. The caller knows the part of the key that it has selected
// by. ErrorKind::internal: stored_values is not as Weir writes it (tally/stored_values.hpp).
[[nodiscard]] Result<tally::WindowRow> window_row(const Statement& statement, tally::Granularity granularity,
                                                  WindowStart start, std::int32_t partition);

// The rows of activity_dimensions by number, and the row on which such a statement stands. Errors are those
// of parse_moment().
inline constexpr std::string_view read_dimensions_sql =
    "SELECT id, name, source, since FROM activity_dimensions WHERE id >= 0 ORDER BY id";
[[nodiscard]] Result<tally::KnownDimension> known_dimension(const Statement& statement);

// Reads the row on which reader_sql::dead_letters stands, or dead_letter_groups. Errors are those of
// parse_moment().
[[nodiscard]] Result<report::DeadLetterRow> dead_letter_row(const Statement& statement);
[[nodiscard]] Result<report::DeadLetterGroup> dead_letter_group(const Statement& statement);

// The number of a granularity or dimension in activity_windows.
template <class Enum>
[[nodiscard]] constexpr std::int64_t number_of(Enum name) {
  return static_cast<std::int64_t>(name);
}
[[nodiscard]] constexpr std::int64_t seconds_of(WindowStart start) {
  return start.time_since_epoch().count();
}
[[nodiscard]] constexpr WindowStart window_start(std::int64_t seconds) {
  return WindowStart{std::chrono::seconds{seconds}};
}

}  // namespace weir::sqlite
