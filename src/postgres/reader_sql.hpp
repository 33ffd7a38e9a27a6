// The statements by which the metrics reader reads PostgreSQL (schema.hpp). $1 is the topic wherever there is
// one. Both readers use the same names for the same job.
//
// What is read row by row comes through the cursor weir_scan: one of scan(), count_by_value and
// users_by_value declares it, a fetch_… reads it and close ends it.
#pragma once

#include "postgres/connection.hpp"
#include "report/scan.hpp"

namespace weir::postgres {

// For ConnectionSettings::session. Makes the planner ignore the statistics of the tables: joins are done in
// the order of the text, by lookups in the index. Groups are built by sorting, because PostgreSQL's hash of a
// text has no seed, so a client could choose values that collide.
[[nodiscard]] const Keywords& reader_session();

namespace reader_sql {

extern const Statement begin;       // a snapshot: REPEATABLE READ READ ONLY
extern const Statement horizons;    // granularity, pruned_to
extern const Statement dimensions;  // dimension_columns, by number; without a topic
extern const Statement ledgers;     // tally::ledger_columns of each partition

// Rows of one granularity and dimension, in any order: window_start, partition, value, events, page_views
// and, if wanted, users. Where the scan is of what is pending roll-up, window_start is that of the minute. $2
// granularity of the rows to read, $3 dimension, $4 first and $5 end of window_start, $6 values.
[[nodiscard]] const Statement& scan(const report::Scan& scan);

// The rows of several runs of windows by value, in ascending order of its bytes, with what is pending roll-up
// in them. The server sorts. $2 dimension, and for each run $3 granularity, $4 first and $5 end of
// window_start.
extern const Statement count_by_value;  // value, events, page_views: one row a value, with its sums
// One row for each stored row: value, events, page_views, users. Sketches of more than 2 KB do not go through
// the sort: the server fetches them afterwards (TOAST).
extern const Statement users_by_value;

// The marks of days: window_start, partition, is_pending (0 or 1), events, last_write. window_start is that
// of the minute where is_pending is 1. $2 first and $3 end of the days.
extern const Statement day_marks;

// Of dead letters: dead_letter_columns. A filter that is NULL matches every row: $2 reason, $3 first and $4
// end of `at`, $5 partition, $6 offset. $7: true for those without replayed_at alone. Only rows after
// partition $8 and offset $9.
extern const Statement dead_letters;
// The newest of each reason, followed by count(*), sum(attempts) and count(replayed_at) of its reason.
extern const Statement dead_letter_groups;
// A value has up to 1 MiB or so.
inline constexpr int dead_letters_max = 16;
extern const Statement fetch_dead_letters;

// How many rows one fetch reads, and so how many are in memory at once. A sketch has up to 32 KiB.
inline constexpr int rows_with_users_max = 250;
inline constexpr int rows_of_counts_max = 5'000;

// The next rows of the cursor, for each form of row: of a window or of a value, with a sketch or without.
extern const Statement fetch_windows;
extern const Statement fetch_windows_with_users;
extern const Statement fetch_values;
extern const Statement fetch_values_with_users;
extern const Statement fetch_day_marks;
extern const Statement close;

}  // namespace reader_sql
}  // namespace weir::postgres
