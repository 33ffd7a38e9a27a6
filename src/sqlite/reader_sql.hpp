// The statements by which the metrics reader reads metrics.db (schema.hpp). ?1 is the topic wherever there is
// one. Both readers use the same names for the same job.
#pragma once

#include <span>

#include "report/scan.hpp"
#include "sqlite/prepared_statements.hpp"

namespace weir::sqlite::reader_sql {

extern const NamedSql horizons;    // granularity, pruned_to
extern const NamedSql dimensions;  // read_dimensions_sql; without a topic
extern const NamedSql ledgers;     // tally::ledger_columns of each partition

// Rows of one granularity and dimension, in any order: window_start, partition, value, events, page_views
// and, if wanted, users. Where the scan is of what is pending roll-up, window_start is that of the minute. ?2
// granularity of the rows to read, ?3 dimension, ?4 first and ?5 end of window_start, ?6 values as a JSON
// array.
[[nodiscard]] const NamedSql& scan(const report::Scan& scan);

// The rows of several runs of windows by value, in ascending order of its bytes, with what is pending roll-up
// in them. SQLite sorts them, in a temporary file where they are many. ?2 dimension, ?3 a JSON array with
// [granularity, first, end of window_start] for each run.
extern const NamedSql count_by_value;  // value, events, page_views: one row a value, with its sums
// One row for each stored row: value, events, page_views, users, granularity, window_start, partition. users
// is NULL for a sketch of more than inline_users_bytes_max, so that no large sketch goes through the sort.
extern const NamedSql users_by_value;
inline constexpr int inline_users_bytes_max = 1024;
// Such a sketch: ?2 dimension, ?3 granularity, ?4 window_start, ?5 partition, ?6 value.
extern const NamedSql users_of_row;

// The marks of days: window_start, partition, is_pending, events, last_write_ms. window_start is that of the
// minute where is_pending is 1. ?2 first and ?3 end of the days.
extern const NamedSql day_marks;

// Of dead letters: partition, offset, reason, detail, key, value, at, attempts, replayed_at. A filter that is
// NULL matches every row: ?2 reason, ?3 first and ?4 end of `at`, ?5 partition, ?6 offset. ?7: 1 for those
// without replayed_at alone. Only rows after partition ?8 and offset ?9.
extern const NamedSql dead_letters;
// The newest of each reason, followed by count(*), sum(attempts) and count(replayed_at) of its reason.
extern const NamedSql dead_letter_groups;

// Each of them, with all scans.
[[nodiscard]] std::span<const NamedSql* const> all();

}  // namespace weir::sqlite::reader_sql
