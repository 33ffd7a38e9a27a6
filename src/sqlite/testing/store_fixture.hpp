// For tests of the metrics store: the options of a session on a folder, and the committed rows there.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>

#include "commit/testing/metrics_store_fixture.hpp"
#include "sqlite/database.hpp"
#include "sqlite/metrics_store.hpp"
#include "sqlite/schema.hpp"
#include "sqlite/store_rows.hpp"
#include "sqlite/testing/temporary_folder.hpp"
#include "tally/ledger_columns.hpp"

namespace weir::sqlite {

inline constexpr const char* test_topic = "the-topic";

inline MetricsStoreOptions store_options(const TestFolder& folder, const std::string& group = "the-group") {
  return {.data_dir = folder.path(), .topic = test_topic, .group_id = group};
}

// A connection to the file.
inline Database open_database(const TestFolder& folder) {
  auto opened = Database::open(metrics_store_path(folder.path()), {.kind = metrics_store_file});
  if (!opened) throw std::runtime_error(opened.error().text);
  return std::move(*opened);
}

// Calls `row(statement)` for each row of a SELECT.
template <class Row>
void for_each_row(Database& database, const std::string& sql, Row row) {
  auto statement = database.prepare(sql);
  ASSERT_TRUE(statement.has_value()) << statement.error().text;
  while (true) {
    auto there = statement->step();
    ASSERT_TRUE(there.has_value()) << there.error().text;
    if (!*there) return;
    row(*statement);
  }
}

inline std::string first_text(Database& database, const std::string& sql) {
  std::string first;
  for_each_row(database, sql, [&first](const Statement& row) {
    if (first.empty()) first = row.text(0);
  });
  return first;
}

inline std::vector<commit::StoredDeadLetter> letters_of(Database& database, const std::string& topic) {
  std::vector<commit::StoredDeadLetter> letters;
  const auto optional_blob = [](const Statement& row, int column) -> std::optional<std::string> {
    if (row.is_null(column)) return std::nullopt;
    return std::string(row.blob(column));
  };
  for_each_row(database,
               "SELECT partition, offset, reason, detail, key, value, at, attempts, replayed_at FROM "
               "activity_dead_letters WHERE topic = '" +
                   topic + "' ORDER BY partition, offset",
               [&](const Statement& row) {
                 commit::DeadLetter letter{static_cast<std::int32_t>(row.number(0)),
                                           row.number(1),
                                           std::string(row.text(2)),
                                           std::string(row.text(3)),
                                           optional_blob(row, 4),
                                           optional_blob(row, 5),
                                           parse_moment(row.text(6)).value()};
                 std::optional<WallTime> replayed_at;
                 if (!row.is_null(8)) replayed_at = parse_moment(row.text(8)).value();
                 letters.push_back({std::move(letter), row.number(7), replayed_at});
               });
  return letters;
}

inline commit::StoreContents read_all_tables(const TestFolder& folder) {
  Database database = open_database(folder);
  commit::StoreContents contents;
  for_each_row(database,
               "SELECT " + std::string(window_columns) +
                   ", granularity, window_start, partition FROM activity_windows "
                   "ORDER BY granularity, dimension, window_start, partition, value",
               [&](const Statement& row) {
                 contents.windows.push_back(window_row(row, static_cast<tally::Granularity>(row.number(11)),
                                                       window_start(row.number(12)),
                                                       static_cast<std::int32_t>(row.number(13))));
               });
  for_each_row(database,
               "SELECT partition, window_start FROM activity_unrolled ORDER BY partition, window_start",
               [&](const Statement& row) {
                 contents.pending_rollups.push_back(
                     {static_cast<std::int32_t>(row.number(0)), window_start(row.number(1))});
               });
  for_each_row(database, "SELECT granularity, pruned_to FROM activity_horizon", [&](const Statement& row) {
    const auto granularity = tally::granularity_named(row.text(0)).value();
    contents.pruned_to[static_cast<std::size_t>(granularity)] = parse_moment(row.text(1)).value();
  });
  contents.dead_letters = letters_of(database, test_topic);
  for_each_row(
      database, "SELECT timestamp, unique_users, page_view_count FROM user_activity_metrics ORDER BY id",
      [&](const Statement& row) {
        contents.flushes.push_back({parse_moment(row.text(0)).value(), row.number(1), row.number(2)});
      });
  for_each_row(database,
               "SELECT " + std::string(tally::ledger_columns) +
                   ", topic FROM activity_ledger ORDER BY topic, partition",
               [&](const Statement& row) {
                 const tally::LedgerRow ledger = ledger_row(row).value();
                 const std::string topic(row.text(15));
                 if (topic == test_topic) return contents.ledgers.push_back(ledger);
                 std::vector<commit::StoredDeadLetter> letters = letters_of(database, topic);
                 std::erase_if(letters, [&](const auto& each) {
                   return each.dead_letter.partition != ledger.partition;
                 });
                 contents.archived.push_back({topic, ledger, std::move(letters)});
               });
  return contents;
}

}  // namespace weir::sqlite
