// The rows of the metrics store as values: what its writer and its reader both read.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "sqlite/database.hpp"
#include "tally/ledger.hpp"
#include "tally/window.hpp"

namespace weir::sqlite {

// A moment as it stands in a public table, and back. ErrorKind::invalid, moment_unreadable: a person has
// written something else there.
[[nodiscard]] std::string moment_text(WallTime moment);
[[nodiscard]] Result<WallTime> parse_moment(std::string_view text);

// Of a statement that stands on such a row.
[[nodiscard]] Result<tally::LedgerRow> ledger_row(const Statement& statement);

// The columns of activity_windows that window_row() reads, for a SELECT.
inline constexpr std::string_view window_columns =
    "dimension, value, events, page_views, rolled_events, rolled_page_views, place, stored_activity_types, "
    "stored_pages, stored_referrers, users";
// Of a statement that stands on such a row, whose granularity, start and partition it was asked for by.
[[nodiscard]] tally::WindowRow window_row(const Statement& statement, tally::Granularity granularity,
                                          WindowStart start, std::int32_t partition);

// How names are numbered in activity_windows.
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
