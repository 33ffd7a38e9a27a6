// The reader's question for rows of one granularity and dimension.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "postgres/connection_settings.hpp"

namespace weir::postgres {

struct Scan {
  // Only those in $6::text[]: few are looked up in each window, many are picked out of all that pass by.
  enum class Values : std::uint8_t { all, few, many };
  static constexpr std::size_t few_values_max = 50;  // a window has at most 1,000

  bool remainders = false;  // instead of the rows: what the minutes of $2 = 0 have that is not rolled up
  Values values = Values::all;
  bool users = false;
};

// A SELECT of window_start, partition, value, events, page_views and, if asked for, users, in whichever order
// the rows lie. window_start is that of the row itself: of the minute, for remainders. Parameters: $1 topic,
// $2 granularity of the rows to read, $3 dimension, $4 first and $5 end of window_start.
[[nodiscard]] std::string scan_sql(const Scan& scan);

// The rows of several runs of windows by value, in ascending order of its bytes, remainders with them; the
// server sorts. Parameters: $1 topic, $2 dimension, and for each run $3 granularity, $4 first and $5 end of
// window_start, as arrays. count_by_value: value, events, page_views, summed up. users_by_value: a row for
// each row: value, events, page_views, users; sketches of more than 2 KB are fetched after the sort (TOAST).
[[nodiscard]] std::string count_by_value_sql();
[[nodiscard]] std::string users_by_value_sql();

// For ConnectionSettings::session: what the planner must be told for it, whatever it believes of the tables.
// Joins in the order in which they are written, by lookups in the index. Groups by sorting: PostgreSQL's hash
// of a text has no seed, so that values could be chosen to collide.
[[nodiscard]] const Keywords& reader_session();

}  // namespace weir::postgres
