// All SQL that the metrics store and its reader run on metrics.db (schema.hpp).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "sqlite/database.hpp"

namespace weir::sqlite {

// The writer's statements, by name.
enum class StoreSql : std::uint8_t {
  find_stranger,
  find_any_ledger,
  make_ledger,
  read_ledger,
  archive_ledger,
  retire_letters,
  letter_offsets,
  unrolled_minutes,
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
