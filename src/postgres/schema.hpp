// The tables and views in PostgreSQL, as SQL. migrations.hpp brings a database to them and says how to add a
// migration; the store writes them, the reader reads them.
//
// The contract (§6) names the tables and views that people may read. Only this module reads the others:
//   activity_windows     one row for each value of a window, in one partition
//     granularity        0 minute, 1 hour, 2 day
//     dimension          as in activity_dimensions
//     window_start       cut in UTC
//     place              the arrival rank of the value in its window
//     rolled_…           the part of a minute's counts that its hour and its day have already
//     stored_…           how many values of each dimension are stored; NULL but on rows of `total`
//     users              the sketch (tally/sketch.hpp)
//   activity_unrolled    the minutes of a partition that have counts which their hour and day lack
//   activity_dimensions  the names of the dimension numbers
//   activity_schema      the migrations that were applied
//
// The one index of activity_windows is its primary key, which begins with the columns that each view fixes.
// No index has a column of counts, and pages are filled to 70 %. So an update stays on its page and writes no
// index (HOT). Measured with 40 updates of each of 6,000 rows: 93 % of them HOT and 12 MB, against 1 % and
// 109 MB at 100 %. Sketches do not compress, so the column is EXTERNAL: a full one is written in 38 µs,
// against 61 with lz4 and 214 with pglz.
//
// Names have no schema: the search_path of the session finds them. Topics and values compare by bytes
// (COLLATE "C"), so neither the collation of the database nor an upgrade of its library changes their order.
//
// user_activity_metrics may be the table of the original service, with numbers of type INTEGER and times of
// type TIMESTAMP without time zone. Write to it with untyped values or casts ($1::timestamptz, $2::bigint),
// in a session with TimeZone UTC: then PostgreSQL converts them.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace weir::postgres {

// Entry n − 1 leads from version n − 1 to n; version 0 is a database without Weir's tables.
[[nodiscard]] std::span<const std::string_view> schema_migrations();

// CREATE OR REPLACE of the three views, which keeps the rights on them and the views that people built on
// them. Columns may be appended, never changed.
[[nodiscard]] std::string schema_views();

// The columns that Weir reads and writes, for check_columns().
struct TableColumns {
  std::string_view table;
  std::string_view columns;  // separated by single spaces
  std::string_view types;    // of each column, as in pg_type; empty: user_activity_metrics, which is adopted
};
[[nodiscard]] std::span<const TableColumns> schema_columns();

}  // namespace weir::postgres
