// The tests of windows: writing, reading and pruning. Include metrics_store_contract.hpp instead of this
// file.
#pragma once

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "commit/testing/metrics_store_fixture.hpp"

namespace weir::commit {

// Windows.

TEST_P(MetricsStoreContract, KeepsEveryMemberOfAWindowRow) {
  using namespace store_contract;
  tally::WindowRow page = row(Granularity::minute, minute(1), Dimension::page, "/straße/%20\"'\\", 9, 17);
  page.rolled_events = 4;
  page.rolled_page_views = 3;
  page.users = one_user('\0') + std::string(8, '\x7f');
  const std::vector all{
      total(Granularity::minute, minute(1), 9), page,
      of_partition(11, row(Granularity::hour, hour(0), Dimension::referrer, "(direct)", 1, 1)),
      row(Granularity::day, tally::floor_to(Granularity::day, hour(0)), Dimension::activity_type, "page_view",
          5'000'000'000)};
  flush(open(), {.windows = all});
  EXPECT_EQ(sorted(fixture_->contents().windows), sorted(all));
}

TEST_P(MetricsStoreContract, ReadsTheExistingRowsOfTheKeys) {
  using namespace store_contract;
  const tally::WindowRow there = row(Granularity::minute, minute(0), Dimension::page, "/a", 2, 1);
  const tally::LedgerRow ledger =
      flush(open(), {.windows = {there, total(Granularity::minute, minute(0), 2)}});
  std::vector<tally::WindowKey> keys(6,
                                     there.key);  // the key of the row, and five that differ in one member
  keys[1].value = "/A";
  keys[2].dimension = Dimension::referrer;
  keys[3].granularity = Granularity::hour;
  keys[4].partition = 1;
  keys[5].start = minute(1);
  ASSERT_TRUE(store_->begin(std::array{fence_of(ledger)}).has_value());
  EXPECT_EQ(store_->read_windows(keys, bytes_max).value(), std::vector{there});
  EXPECT_TRUE(store_->read_windows({}, bytes_max).value()->empty());
  store_->rollback();
}

TEST_P(MetricsStoreContract, ReplacesTheRowOfTheSameKey) {
  using namespace store_contract;
  tally::WindowRow was = total(Granularity::minute, minute(0), 1);
  const tally::LedgerRow ledger = flush(open(), {.windows = {was}});
  tally::WindowRow is = was;
  is.events = 7;
  is.page_views = 6;
  is.rolled_events = 5;
  is.rolled_page_views = 4;
  is.stored = {{Dimension::activity_type, 8}, {Dimension::page, 9}, {Dimension::referrer, 10}};
  is.users = one_user('\x05');
  flush(ledger, {.windows = {is}});
  EXPECT_EQ(fixture_->contents().windows, std::vector{is});
}

TEST_P(MetricsStoreContract, ReadsItsOwnWritesWithinATransaction) {
  using namespace store_contract;
  const tally::LedgerRow ledger = open();
  const tally::WindowRow made = total(Granularity::minute, minute(0), 1);
  ASSERT_TRUE(store_->begin(std::array{fence_of(ledger)}).has_value());
  ASSERT_TRUE(store_->write({.written_at = written, .windows = {made}}).has_value());
  EXPECT_EQ(store_->read_windows(std::array{made.key}, bytes_max).value(), std::vector{made});
  store_->rollback();
}

TEST_P(MetricsStoreContract, ReadsNoWindowsBeyondTheBoundOfBytes) {
  using namespace store_contract;
  tally::WindowRow page = row(Granularity::minute, minute(0), Dimension::page, "/0123456789", 2, 1);
  const std::array keys{page.key, total(Granularity::minute, minute(0), 2).key};
  const tally::LedgerRow ledger =
      flush(open(), {.windows = {page, total(Granularity::minute, minute(0), 2)}});
  ASSERT_TRUE(store_->begin(std::array{fence_of(ledger)}).has_value());
  const std::size_t all = page.key.value.size() + 2 * page.users.size();
  EXPECT_EQ(store_->read_windows(keys, all - 1).value(), std::nullopt);
  EXPECT_EQ(store_->read_windows(keys, all).value()->size(), 2U);
  EXPECT_EQ(store_->read_windows(keys, std::numeric_limits<std::size_t>::max()).value()->size(), 2U);
  store_->rollback();
}

TEST_P(MetricsStoreContract, WritesATransactionInSeveralSteps) {
  using namespace store_contract;
  const tally::LedgerRow ledger = open();
  tally::WindowRow first = total(Granularity::minute, minute(0), 1);
  const tally::WindowRow page = row(Granularity::minute, minute(0), Dimension::page, "/a", 1, 1);
  ASSERT_TRUE(store_->begin(std::array{fence_of(ledger)}).has_value());
  ASSERT_TRUE(store_->write({.written_at = written, .windows = {first}}).has_value());
  first.events = 2;
  first.users_changed = false;
  ASSERT_TRUE(store_->write({.written_at = written, .windows = {first, page}}).has_value());
  EXPECT_EQ(store_->read_windows(std::array{first.key}, bytes_max).value(), std::vector{first});
  const tally::LedgerRow after = moved_on(ledger, 1);
  ASSERT_TRUE(store_->write({.written_at = written, .ledgers = {after}}).has_value());
  ASSERT_EQ(store_->commit().status, CommitStatus::committed);
  EXPECT_EQ(sorted(fixture_->contents().windows), sorted({first, page}));
  EXPECT_EQ(fixture_->contents().ledgers, std::vector{after});
}

// The pending rows of minutes 1 and 3 in the order of a read, and rows that the read must leave out.
inline std::pair<std::vector<tally::WindowRow>, std::vector<tally::WindowRow>> pending_rows_and_others() {
  using namespace store_contract;
  const std::vector wanted{
      total(Granularity::minute, minute(1), 3),
      row(Granularity::minute, minute(1), Dimension::activity_type, "page_view", 3, 1),
      row(Granularity::minute, minute(1), Dimension::page, "(other)", 1, 0),
      row(Granularity::minute, minute(1), Dimension::page, "/z-came-first", 1, 1),
      row(Granularity::minute, minute(1), Dimension::page, "/a-came-second", 1, 2),
      total(Granularity::minute, minute(3), 1),
      row(Granularity::minute, minute(3), Dimension::referrer, "(direct)", 1, 1),
  };
  std::vector others{total(Granularity::minute, minute(2), 1),                   // another minute
                     of_partition(1, total(Granularity::minute, minute(1), 1)),  // another partition
                     total(Granularity::hour, hour(0), 1)};
  tally::WindowRow rolled = row(Granularity::minute, minute(1), Dimension::page, "/rolled-up", 1, 3);
  rolled.rolled_events = rolled.events;
  rolled.rolled_page_views = rolled.page_views;
  others.push_back(rolled);
  return {wanted, others};
}

TEST_P(MetricsStoreContract, ReadsPendingRowsInTheOrderOfArrival) {
  using namespace store_contract;
  const auto [wanted, others] = pending_rows_and_others();
  std::vector<tally::WindowRow> all = wanted;
  std::reverse(all.begin(), all.end());
  all.insert(all.end(), others.begin(), others.end());
  const tally::LedgerRow ledger = flush(open(), {.windows = all});
  ASSERT_TRUE(store_->begin(std::array{fence_of(ledger)}).has_value());
  const PendingRows found =
      store_->read_pending_rows(0, std::array{minute(1), minute(3), minute(4)}, {}).value();
  EXPECT_EQ(found.rows, wanted);
  EXPECT_EQ(found.minutes_read, 3U);
  store_->rollback();
}

TEST_P(MetricsStoreContract, ReadsPendingRowsUpToItsBoundsAndTheOthersAfterThoseAreRolledUp) {
  using namespace store_contract;
  const auto [wanted, others] = pending_rows_and_others();
  const std::array minutes{minute(0), minute(1), minute(3)};
  for (const RowBounds& bounds : {RowBounds{.rows = 2}, RowBounds{.bytes = wanted[0].users.size()},
                                  RowBounds{.rows = 2, .bytes = 1}, RowBounds{.rows = 6}}) {
    std::vector<tally::WindowRow> all = wanted;
    all.insert(all.end(), others.begin(), others.end());
    const tally::LedgerRow ledger = flush(open(), {.windows = all});
    ASSERT_TRUE(store_->begin(std::array{fence_of(ledger)}).has_value());
    std::vector<tally::WindowRow> read;
    std::size_t minutes_read = 0;
    for (int tries = 0; minutes_read < minutes.size() && tries < 20; ++tries) {
      PendingRows found =
          store_->read_pending_rows(0, std::span(minutes).subspan(minutes_read), bounds).value();
      EXPECT_LE(found.rows.size(), bounds.rows);
      EXPECT_TRUE(found.minutes_read > 0 || !found.rows.empty());
      minutes_read += found.minutes_read;
      read.insert(read.end(), found.rows.begin(), found.rows.end());
      for (tally::WindowRow& each : found.rows) {
        each.rolled_events = each.events;
        each.rolled_page_views = each.page_views;
      }
      ASSERT_TRUE(store_->write({.written_at = written, .windows = found.rows}).has_value());
    }
    EXPECT_EQ(read, wanted);
    store_->rollback();
  }
}

// Pruning.

TEST_P(MetricsStoreContract, PrunesWindowsWhoseLastWriteIsOld) {
  using namespace store_contract;
  const std::vector rows{total(Granularity::minute, minute(0), 1),
                         row(Granularity::minute, minute(0), Dimension::page, "/a", 1, 1)};
  const tally::LedgerRow ledger = flush(open(), {.windows = rows});
  const Prune too_early{0, Granularity::minute, written - std::chrono::milliseconds{1}};
  const tally::LedgerRow later = flush(ledger, {.prunes = {too_early}});
  EXPECT_EQ(sorted(fixture_->contents().windows), sorted(rows));
  EXPECT_EQ(fixture_->contents().pruned_to[0], WallTime{});
  flush(later, {.prunes = {{0, Granularity::minute, written}}});
  EXPECT_TRUE(fixture_->contents().windows.empty());
  EXPECT_EQ(fixture_->contents().pruned_to[0], end_of(Granularity::minute, minute(0)));
}

TEST_P(MetricsStoreContract, Fault41AWriteTimeInTheFutureDoesNotStopPruning) {
  using namespace store_contract;
  const std::vector rows{total(Granularity::minute, minute(0), 1),
                         row(Granularity::minute, minute(0), Dimension::page, "/a", 1, 1)};
  const WallTime ahead = written + std::chrono::days{1461};
  Prune prune{.partition = 0, .granularity = Granularity::minute, .before = written, .now = ahead};
  tally::LedgerRow ledger = flush(open(), {.written_at = ahead, .windows = rows});
  ledger = flush(ledger, {.prunes = {prune}});
  EXPECT_EQ(sorted(fixture_->contents().windows), sorted(rows)) << "the write is recent";
  prune.now = ahead - std::chrono::milliseconds{1};
  flush(ledger, {.prunes = {prune}});
  EXPECT_TRUE(fixture_->contents().windows.empty());
}

TEST_P(MetricsStoreContract, PrunesNoWindowThatEndedRecently) {
  using namespace store_contract;
  const tally::WindowRow window = total(Granularity::hour, hour(5), 1);
  const WallTime end = end_of(Granularity::hour, hour(5));
  tally::LedgerRow ledger = flush(open(), {.written_at = WallTime{hour(5)}, .windows = {window}});
  ledger = flush(ledger, {.prunes = {{0, Granularity::hour, end - std::chrono::milliseconds{1}}}});
  EXPECT_EQ(fixture_->contents().windows, std::vector{window});
  flush(ledger, {.prunes = {{0, Granularity::hour, end}}});
  EXPECT_TRUE(fixture_->contents().windows.empty());
}

TEST_P(MetricsStoreContract, PrunesNoWindowWithARecentlyWrittenRow) {
  using namespace store_contract;
  const tally::WindowRow late = row(Granularity::minute, minute(0), Dimension::page, "/late", 1, 1);
  const tally::WindowRow young = total(Granularity::minute, minute(0), 1);
  const tally::WindowRow old = total(Granularity::minute, minute(1), 1);
  tally::LedgerRow ledger = flush(open(), {.windows = {young, old}});
  ledger = flush(ledger, {.written_at = written + std::chrono::hours{1}, .windows = {late}});
  flush(ledger, {.prunes = {{0, Granularity::minute, written}}});
  EXPECT_EQ(sorted(fixture_->contents().windows), sorted({young, late}));
}

TEST_P(MetricsStoreContract, PrunesAMinuteOnlyAfterItsRollup) {
  using namespace store_contract;
  const tally::WindowRow window = total(Granularity::minute, minute(0), 1);
  const Prune prune{0, Granularity::minute, written};
  tally::LedgerRow ledger = flush(open(), {.windows = {window}, .pending_rollups = {{0, minute(0)}}});
  ledger = flush(ledger, {.prunes = {prune}});
  EXPECT_EQ(fixture_->contents().windows, std::vector{window});
  flush(ledger, {.rolled_up = {{0, minute(0)}}, .prunes = {prune}});  // both in one transaction
  EXPECT_TRUE(fixture_->contents().windows.empty());
}

TEST_P(MetricsStoreContract, PrunesOnePartitionAndOneGranularity) {
  using namespace store_contract;
  const WindowStart day = tally::floor_to(Granularity::day, minute(0));
  const std::vector stay{of_partition(1, total(Granularity::minute, minute(0), 1)),
                         total(Granularity::hour, hour(0), 1), total(Granularity::day, day, 1)};
  std::vector all = stay;
  all.push_back(total(Granularity::minute, minute(0), 1));
  flush(flush(open(), {.windows = all}), {.prunes = {{0, Granularity::minute, written}}});
  EXPECT_EQ(sorted(fixture_->contents().windows), sorted(stay));
  EXPECT_EQ(fixture_->contents().pruned_to,
            (std::array{end_of(Granularity::minute, minute(0)), WallTime{}, WallTime{}}));
}

TEST_P(MetricsStoreContract, PrunesTheOldestFirstUpToABoundAndReportsWhetherThereAreMore) {
  using namespace store_contract;
  Changes four;
  for (const int number : {2, 0, 3, 1}) {
    four.windows.push_back(total(Granularity::minute, minute(number), 1));
    four.windows.back().stored = {{Dimension::activity_type, 1}, {Dimension::page, 4}};
  }
  const std::int64_t rows_of_one = four.windows.back().stored.rows_max();
  tally::LedgerRow ledger = flush(open(), four);
  const auto prune = [&](std::int64_t rows_max) {
    EXPECT_EQ(store_->begin(std::array{fence_of(ledger)}).value().size(), 1U);
    const tally::LedgerRow after = moved_on(ledger, 1);
    const Prune some{0, Granularity::minute, written, rows_max};
    const Written outcome =
        store_->write({.written_at = written, .ledgers = {after}, .prunes = {some}}).value();
    EXPECT_EQ(store_->commit().status, CommitStatus::committed);
    ledger = after;
    return outcome.more_to_prune;
  };
  EXPECT_TRUE(prune(rows_of_one + 1));  // two windows: after the first one, the bound is not reached
  EXPECT_EQ(fixture_->contents().pruned_to[0], WallTime{minute(2)});
  EXPECT_TRUE(prune(1));  // at least one
  EXPECT_EQ(fixture_->contents().pruned_to[0], WallTime{minute(3)});
  EXPECT_FALSE(prune(100));
  EXPECT_TRUE(fixture_->contents().windows.empty());
}

TEST_P(MetricsStoreContract, NeverLowersAHorizonByPruning) {
  using namespace store_contract;
  const Changes changes{.windows = {total(Granularity::minute, minute(0), 1)},
                        .horizons = {{Granularity::minute, WallTime{hour(9)}}}};
  flush(flush(open(), changes), {.prunes = {{0, Granularity::minute, written}}});
  EXPECT_TRUE(fixture_->contents().windows.empty());
  EXPECT_EQ(fixture_->contents().pruned_to[0], WallTime{hour(9)});
}

TEST_P(MetricsStoreContract, PrunesOldRowsOfUserActivityMetrics) {
  using store_contract::written;
  tally::LedgerRow ledger = open();
  for (const int second : {0, 1, 2}) {
    ledger = flush(ledger, {.flush = FlushRow{written + std::chrono::seconds{second}, second, second}});
  }
  flush(ledger, {.prune_flushes_before = written + std::chrono::seconds{1}});
  const std::vector<FlushRow> left = fixture_->contents().flushes;
  ASSERT_EQ(left.size(), 2U);
  EXPECT_EQ(left[0].unique_users, 1);
}

}  // namespace weir::commit
