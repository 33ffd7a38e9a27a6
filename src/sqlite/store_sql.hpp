// All SQL of the metrics store, metrics.db: its tables and views, those that people may read (contract §6)
// and those that only this room reads, and what the writer says to them.
//
// All moments in public tables and views are UTC text, so that people need no conversion and comparing text
// compares time: `2015-05-19T09:00:00.000Z` for moments, `2015-05-19T09:00:00Z` for window_start in views.
//
// Inner tables (activity_windows, activity_unrolled): window_start is INTEGER unix seconds, last_write_ms
// INTEGER unix milliseconds; granularity 0 minute, 1 hour, 2 day; dimension as in activity_dimensions.
// activity_windows is WITHOUT ROWID. Measured with 500 pages a minute, against a rowid table with a unique
// index: passing by 0.3 µs a row against 0.55, finding one row 9 µs against 6, writing the same. Its key
// begins with what a view names whatever people ask it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "sqlite/database.hpp"

namespace weir::sqlite {

// What makes an empty file a metrics store of version metrics_store_file.version.
[[nodiscard]] std::string metrics_store_schema();

[[nodiscard]] std::filesystem::path metrics_store_path(const std::filesystem::path& data_dir);

// The writer's statements, by name.
enum class StoreSql : std::uint8_t {
  find_stranger,
  find_any_ledger,
  make_ledger,
  read_ledger,
  archive_ledger,
  retire_letters,
  find_dead_letters,
  find_pending_rollups,
  fence,
  read_window,
  find_unrolled,
  put_window,
  set_unrolled,
  set_rolled,
  raise_horizon,
  put_letter,
  read_letter,
  set_replayed,
  add_attempts,
  put_flush,
  put_ledger,
  find_prunable,
  delete_window,
  delete_flushes,
  count,
};

// Their texts, each at the place of its name; ?1 is the topic wherever there is one.
[[nodiscard]] std::vector<std::string> store_statements();
// ErrorKind::invalid: the tables are not as Weir makes them.
Result<std::vector<Statement>> prepare_store_statements(Database& database);

// The reader's question for rows of one granularity and dimension, in whichever order they lie: window_start,
// partition, value, events, page_views and, if asked for, users.
struct Scan {
  // Only those in the JSON array ?7: few are looked up one by one in each window, which costs about as much
  // as to pass by 20 rows each; beside many, all rows are passed by.
  enum class Values : std::uint8_t { all, few, many };
  static constexpr std::size_t few_values_max = 50;  // a window has at most 1,000

  bool remainders = false;  // instead of the rows: what the minutes of ?2 = 0 have that is not rolled up
  Values values = Values::all;
  bool users = false;
};
// Parameters: ?1 topic, ?2 granularity of the rows to read, ?3 dimension, ?4 first and ?5 end of
// window_start; remainders: ?6 seconds of the window that they are added to.
[[nodiscard]] std::string scan_sql(const Scan& scan);

// The rows of several runs of windows by value, in ascending order of its bytes, remainders with them. SQLite
// sorts them, in a temporary file where they are many. ?1 topic, ?2 dimension, ?3 a JSON array with
// [granularity, first, end of window_start] for each run.
//
// count_by_value: value, events, page_views, summed up. users_by_value: a row for each row: value, events,
// page_views, users, granularity, window_start, partition; users is NULL where it has more than
// inline_users_bytes_max, so that no large sketch goes through the sort: users_of_row reads it (?1 topic, ?2
// dimension, ?3 granularity, ?4 window_start, ?5 partition, ?6 value).
inline constexpr int inline_users_bytes_max = 1024;
[[nodiscard]] std::string count_by_value_sql();
[[nodiscard]] std::string users_by_value_sql();
[[nodiscard]] std::string users_of_row_sql();

}  // namespace weir::sqlite
