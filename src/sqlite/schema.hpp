// The two SQLite files of DATA_DIR with their tables, migrations and views. metrics.db is written by the
// store and read by the reader; events.db is the embedded event log. migrations.hpp says how to add a
// migration.
//
// metrics.db
//   The contract (§6) names the tables and views that people may read. Only this module reads the others:
//     activity_windows     one row for each value of a window, in one partition
//       granularity        its number (tally/granularity.hpp)
//       dimension          as in activity_dimensions
//       window_start       in Unix seconds
//       place              the arrival rank of the value in its window
//       rolled_…           the part of a minute's counts that its hour and its day have already
//       stored_values      how many values of each dimension are stored (tally/stored_values.hpp), and
//       stored_rows        the rows that the window has at most; both NULL but on rows of `total`
//       last_write_ms      in Unix milliseconds
//       users              the sketch (tally/sketch.hpp)
//     activity_unrolled    the minutes of a partition that have counts which their hour and day lack
//   Only Weir writes the next table. It has the numbers of the dimensions; contract §7 lets users read it:
//     activity_dimensions  id, name, source, since (NULL for a built-in dimension)
//
//   A moment in a public table is UTC text, `2015-05-19T09:00:00.000Z`. In a view, window_start is
//   `2015-05-19T09:00:00Z`. So the order of the text is the order in time, and date functions read it.
//
//   activity_windows is WITHOUT ROWID. Measured with 500 pages a minute, against a rowid table with a unique
//   index: a range costs 0.3 µs a row against 0.55, one row 9 µs against 6, a write the same. The key begins
//   with the columns that each view fixes.
//
// events.db
//   segments  one row for each commit of the log, or for a part of it (segment.hpp)
//   meta      log_id: 128 random bits, generated with the file; probe: the row of a test write
#pragma once

#include <filesystem>

#include "sqlite/database.hpp"

namespace weir::sqlite {

extern const FileKind metrics_store_file;
extern const FileKind event_log_file;

[[nodiscard]] std::filesystem::path metrics_store_path(const std::filesystem::path& data_dir);

}  // namespace weir::sqlite
