// The tables and views in PostgreSQL, as SQL: what migrations.hpp brings a database to, what the store writes
// and the reader reads. Contract §6 names those that people may read; the others are this room's own:
//
//   activity_windows     granularity 0 minute, 1 hour, 2 day; dimension 0 to 3 as in activity_dimensions;
//                        window_start a moment cut in UTC; users the sketch (tally/sketch.hpp); stored_… null
//                        but on total rows. Its one index is the primary key, which begins with what a view
//                        names whatever people ask it
//   activity_unrolled    the minutes of a partition that have a remainder
//   activity_dimensions  the names of the dimension numbers
//   activity_schema      the migrations that were applied
//
// No index of activity_windows names a count or a mark, and its pages are filled to 70 %: so an update stays
// on its page and writes no index (HOT). Measured with 40 updates of each of 6,000 rows: 93 % of them HOT and
// 12 MB, against 1 % and 109 MB at 100 %. Sketches do not get smaller by compressing, so none is tried
// (EXTERNAL): a full one is written in 38 µs, against 61 by lz4 and 214 by pglz.
//
// Names are without a schema: they are found by the session's search_path. Topics and values compare by bytes
// (COLLATE "C"), whatever the database's collation is and however its library orders text next year.
//
// user_activity_metrics may be the original service's, made before Weir came (its numbers INTEGER, its times
// TIMESTAMP without time zone): hand it values of no type or cast ($1::timestamptz, $2::bigint), in a session
// whose TimeZone is UTC, and PostgreSQL fits them.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace weir::postgres {

// Entry n − 1 makes version n of n − 1. Never changed once released; a new one is added. Where only views()
// changed it is empty.
[[nodiscard]] std::span<const std::string_view> schema_migrations();

// CREATE OR REPLACE of the three views; run after every migration. Columns may be added behind, never
// changed.
[[nodiscard]] std::string schema_views();

// What Weir reads and writes, for a look at the tables at start.
struct TableColumns {
  std::string_view table;
  std::string_view columns;  // separated by single spaces
  std::string_view types;    // of each, as in pg_type; empty: see migrations.cpp
};
[[nodiscard]] std::span<const TableColumns> schema_columns();

}  // namespace weir::postgres
