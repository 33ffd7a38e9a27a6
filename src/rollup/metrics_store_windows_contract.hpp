// The part of metrics_store_contract.hpp that is about windows: how they are kept, read and pruned. Include
// that one.
#pragma once

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "rollup/metrics_store_world.hpp"

namespace weir::rollup {

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
      row(Granularity::day, tally::window_of(Granularity::day, hour(0)), Dimension::activity_type,
          "page_view", 5'000'000'000)};
  flush(open(), {.windows = all});
  EXPECT_EQ(sorted(world_->standing().windows), sorted(all));
}

TEST_P(MetricsStoreContract, ReadsTheRowsThereAreOfTheKeysAsked) {
  using namespace store_contract;
  const tally::WindowRow there = row(Granularity::minute, minute(0), Dimension::page, "/a", 2, 1);
  const tally::LedgerRow ledger =
      flush(open(), {.windows = {there, total(Granularity::minute, minute(0), 2)}});
  std::vector<tally::WindowKey> keys(6,
                                     there.key);  // the row itself, and five that differ in one member each
  keys[1].value = "/A";
  keys[2].dimension = Dimension::referrer;
  keys[3].granularity = Granularity::hour;
  keys[4].partition = 1;
  keys[5].start = minute(1);
  ASSERT_TRUE(store_->begin(std::array{fence_of(ledger)}).has_value());
  EXPECT_EQ(store_->read_windows(keys).value(), std::vector{there});
  EXPECT_TRUE(store_->read_windows({}).value().empty());
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
  is.stored = {8, 9, 10};
  is.users = one_user('\x05');
  flush(ledger, {.windows = {is}});
  EXPECT_EQ(world_->standing().windows, std::vector{is});
}

TEST_P(MetricsStoreContract, ReadsItsOwnWritesWithinATransaction) {
  using namespace store_contract;
  const tally::LedgerRow ledger = open();
  const tally::WindowRow made = total(Granularity::minute, minute(0), 1);
  ASSERT_TRUE(store_->begin(std::array{fence_of(ledger)}).has_value());
  ASSERT_TRUE(store_->write({.written_at = written, .windows = {made}}).has_value());
  EXPECT_EQ(store_->read_windows(std::array{made.key}).value(), std::vector{made});
  store_->rollback();
}

TEST_P(MetricsStoreContract, ReadsMinutesInTheOrderTheirValuesCame) {
  using namespace store_contract;
  const std::vector wanted{
      total(Granularity::minute, minute(1), 3),
      row(Granularity::minute, minute(1), Dimension::page, "/z-came-first", 1, 1),
      row(Granularity::minute, minute(1), Dimension::activity_type, "page_view", 3, 2),
      row(Granularity::minute, minute(1), Dimension::page, "/a-came-third", 1, 3),
      total(Granularity::minute, minute(3), 1),
      row(Granularity::minute, minute(3), Dimension::referrer, "(direct)", 1, 1),
  };
  std::vector<tally::WindowRow> all = wanted;
  std::reverse(all.begin(), all.end());
  all.push_back(total(Granularity::minute, minute(2), 1));                   // neither this minute…
  all.push_back(of_partition(1, total(Granularity::minute, minute(1), 1)));  // …nor this partition
  all.push_back(total(Granularity::hour, minute(0), 1));
  const tally::LedgerRow ledger = flush(open(), {.windows = all});
  ASSERT_TRUE(store_->begin(std::array{fence_of(ledger)}).has_value());
  EXPECT_EQ(store_->read_minutes(0, std::array{minute(1), minute(3), minute(4)}).value(), wanted);
  store_->rollback();
}

// Pruning.

TEST_P(MetricsStoreContract, PrunesWhatWasLastWrittenLongEnoughAgo) {
  using namespace store_contract;
  const std::vector rows{total(Granularity::minute, minute(0), 1),
                         row(Granularity::minute, minute(0), Dimension::page, "/a", 1, 1)};
  const tally::LedgerRow ledger = flush(open(), {.windows = rows});
  const Prune too_early{0, Granularity::minute, written - std::chrono::milliseconds{1}};
  const tally::LedgerRow later = flush(ledger, {.prunes = {too_early}});
  EXPECT_EQ(sorted(world_->standing().windows), sorted(rows));
  EXPECT_EQ(world_->standing().pruned_to[0], WallTime{});
  flush(later, {.prunes = {{0, Granularity::minute, written}}});
  EXPECT_TRUE(world_->standing().windows.empty());
  EXPECT_EQ(world_->standing().pruned_to[0], end_of(Granularity::minute, minute(0)));
}

TEST_P(MetricsStoreContract, PrunesNoWindowThatHasNotEndedLongEnoughAgo) {
  using namespace store_contract;
  const tally::WindowRow window = total(Granularity::hour, hour(5), 1);
  const WallTime end = end_of(Granularity::hour, hour(5));
  tally::LedgerRow ledger = flush(open(), {.written_at = WallTime{hour(5)}, .windows = {window}});
  ledger = flush(ledger, {.prunes = {{0, Granularity::hour, end - std::chrono::milliseconds{1}}}});
  EXPECT_EQ(world_->standing().windows, std::vector{window});
  flush(ledger, {.prunes = {{0, Granularity::hour, end}}});
  EXPECT_TRUE(world_->standing().windows.empty());
}

TEST_P(MetricsStoreContract, PrunesNoPartOfAWindowOfWhichARowWasWrittenSince) {
  using namespace store_contract;
  const tally::WindowRow late = row(Granularity::minute, minute(0), Dimension::page, "/late", 1, 1);
  const tally::WindowRow young = total(Granularity::minute, minute(0), 1);
  const tally::WindowRow old = total(Granularity::minute, minute(1), 1);
  tally::LedgerRow ledger = flush(open(), {.windows = {young, old}});
  ledger = flush(ledger, {.written_at = written + std::chrono::hours{1}, .windows = {late}});
  flush(ledger, {.prunes = {{0, Granularity::minute, written}}});
  EXPECT_EQ(sorted(world_->standing().windows), sorted({young, late}));
}

TEST_P(MetricsStoreContract, PrunesAMinuteOnlyOnceItIsWhollyRolledUp) {
  using namespace store_contract;
  const tally::WindowRow window = total(Granularity::minute, minute(0), 1);
  const Prune prune{0, Granularity::minute, written};
  tally::LedgerRow ledger = flush(open(), {.windows = {window}, .unrolled = {{0, minute(0)}}});
  ledger = flush(ledger, {.prunes = {prune}});
  EXPECT_EQ(world_->standing().windows, std::vector{window});
  flush(ledger, {.rolled = {{0, minute(0)}}, .prunes = {prune}});  // in one transaction is enough
  EXPECT_TRUE(world_->standing().windows.empty());
}

TEST_P(MetricsStoreContract, PrunesOnePartitionAndOneGranularity) {
  using namespace store_contract;
  const WindowStart day = tally::window_of(Granularity::day, minute(0));
  const std::vector stay{of_partition(1, total(Granularity::minute, minute(0), 1)),
                         total(Granularity::hour, hour(0), 1), total(Granularity::day, day, 1)};
  std::vector all = stay;
  all.push_back(total(Granularity::minute, minute(0), 1));
  flush(flush(open(), {.windows = all}), {.prunes = {{0, Granularity::minute, written}}});
  EXPECT_EQ(sorted(world_->standing().windows), sorted(stay));
  EXPECT_EQ(world_->standing().pruned_to,
            (std::array{end_of(Granularity::minute, minute(0)), WallTime{}, WallTime{}}));
}

TEST_P(MetricsStoreContract, PrunesTheOldestFirstAndNoMoreThanAsked) {
  using namespace store_contract;
  Changes four;
  for (const int number : {2, 0, 3, 1}) four.windows.push_back(total(Granularity::minute, minute(number), 1));
  flush(flush(open(), four), {.prunes = {{0, Granularity::minute, written, 3}}});
  EXPECT_EQ(world_->standing().windows, std::vector{total(Granularity::minute, minute(3), 1)});
  EXPECT_EQ(world_->standing().pruned_to[0], WallTime{minute(3)});
}

TEST_P(MetricsStoreContract, NeverLowersAHorizonByPruning) {
  using namespace store_contract;
  const Changes changes{.windows = {total(Granularity::minute, minute(0), 1)},
                        .horizons = {{Granularity::minute, WallTime{hour(9)}}}};
  flush(flush(open(), changes), {.prunes = {{0, Granularity::minute, written}}});
  EXPECT_TRUE(world_->standing().windows.empty());
  EXPECT_EQ(world_->standing().pruned_to[0], WallTime{hour(9)});
}

TEST_P(MetricsStoreContract, PrunesOldRowsOfUserActivityMetrics) {
  using store_contract::written;
  tally::LedgerRow ledger = open();
  for (const int second : {0, 1, 2}) {
    ledger = flush(ledger, {.flush = FlushRow{written + std::chrono::seconds{second}, second, second}});
  }
  flush(ledger, {.prune_flushes_before = written + std::chrono::seconds{1}});
  const std::vector<FlushRow> left = world_->standing().flushes;
  ASSERT_EQ(left.size(), 2U);
  EXPECT_EQ(left[0].unique_users, 1);
}

}  // namespace weir::rollup
