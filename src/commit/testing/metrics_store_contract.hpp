// The contract tests of MetricsStore, for the fake, SQLite and PostgreSQL. Include this file in one test of
// the implementation, derive a class from StoreFixture, and write:
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, MetricsStoreContract, testing::Values(&make_sqlite_fixture));
//
// No test opens two write transactions at once: there one store waits and another one fails.
#pragma once

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "commit/testing/metrics_store_dead_letters_contract.hpp"
#include "commit/testing/metrics_store_dimensions_contract.hpp"
#include "commit/testing/metrics_store_fixture.hpp"
#include "commit/testing/metrics_store_ledger_contract.hpp"
#include "commit/testing/metrics_store_windows_contract.hpp"

namespace weir::commit {

// The ledger.

TEST_P(MetricsStoreContract, InsertsALedgerRowAtTheStartOffset) {
  const tally::LedgerRow made = open(3, 40);
  tally::LedgerRow expected;
  expected.partition = 3;
  expected.start_offset = expected.next_offset = expected.observed.log_end_offset = 40;
  expected.observed.observed_at = expected.updated_at = store_contract::written;
  EXPECT_EQ(made, expected);
  EXPECT_EQ(fixture_->contents().ledgers, std::vector{expected});
}

TEST_P(MetricsStoreContract, ReturnsAnExistingLedgerRowUnchanged) {
  const tally::LedgerRow left = flush(open(0, 40), {});
  auto found = fixture_->session(group)->open_ledger(0, 99, store_contract::written + std::chrono::hours{1});
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(*found, left);
}

TEST_P(MetricsStoreContract, RefusesTheLedgerOfAnotherGroup) {
  open(0);
  auto other_group = fixture_->session("another-group");
  // A partition with a ledger row, and one without.
  for (const std::int32_t partition : {0, 1}) {
    auto refused = other_group->open_ledger(partition, 0, store_contract::written);
    ASSERT_FALSE(refused.has_value()) << partition;
    EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
    EXPECT_EQ(refused.error().code, "another_group");
    EXPECT_NE(refused.error().text.find("the-group"), std::string::npos) << refused.error().text;
    EXPECT_NE(refused.error().text.find("another-group"), std::string::npos) << refused.error().text;
  }
  EXPECT_EQ(fixture_->contents().ledgers.size(), 1U);
}

TEST_P(MetricsStoreContract, KeepsEveryMemberOfALedgerRow) {
  tally::LedgerRow row = open(0, 10);
  tally::LedgerRow full = row;
  full.version = 1;
  full.next_offset = 110;
  full.read = 90;
  full.tallied = 60;
  full.duplicate = 20;
  full.dead_lettered = 10;
  full.skipped = 10;
  full.last_record_hash = -1;
  full.observed = {200, store_contract::written - std::chrono::milliseconds{7}, store_contract::written};
  full.updated_at = store_contract::written + std::chrono::milliseconds{1};
  ASSERT_EQ(store_->begin(std::array{store_contract::fence_of(row)}).value().size(), 1U);
  ASSERT_TRUE(store_->write({.ledgers = {full}}).has_value());
  ASSERT_EQ(store_->commit().status, CommitStatus::committed);
  EXPECT_EQ(open(0), full);

  tally::LedgerRow bare = full;
  bare.version = 2;
  bare.last_record_hash.reset();
  bare.observed.oldest_unread_at.reset();
  ASSERT_EQ(store_->begin(std::array{store_contract::fence_of(full)}).value().size(), 1U);
  ASSERT_TRUE(store_->write({.ledgers = {bare}}).has_value());
  ASSERT_EQ(store_->commit().status, CommitStatus::committed);
  EXPECT_EQ(open(0), bare);
}

TEST_P(MetricsStoreContract, RefusesALedgerThatDoesNotAddUp) {
  const tally::LedgerRow row = open();
  tally::LedgerRow lost_one = store_contract::moved_on(row, 3);
  lost_one.tallied -= 1;
  expect_refused(row, {.ledgers = {lost_one}});
  tally::LedgerRow jumped = store_contract::moved_on(row, 3);
  jumped.next_offset += 1;
  expect_refused(row, {.ledgers = {jumped}});
}

TEST_P(MetricsStoreContract, RefusesALedgerOfAnotherVersionThanItsFenceMade) {
  const tally::LedgerRow row = open();
  tally::LedgerRow wrong = store_contract::moved_on(row, 1);
  wrong.version += 1;
  expect_refused(row, {.ledgers = {wrong}});
}

// The fence.

TEST_P(MetricsStoreContract, HoldsAPartitionWhoseFenceMatches) {
  const tally::LedgerRow before = open();
  const tally::LedgerRow after = flush(before, {});
  EXPECT_EQ(after.version, before.version + 1);
  EXPECT_EQ(open(), after);
}

TEST_P(MetricsStoreContract, HoldsNothingWithAStaleFence) {
  const tally::LedgerRow row = flush(flush(open(), {}), {});
  for (const auto& [member, by] :
       std::vector<std::pair<std::int64_t Fence::*, std::int64_t>>{{&Fence::next_offset, -1},
                                                                   {&Fence::next_offset, 1},
                                                                   {&Fence::version, -1},
                                                                   {&Fence::version, 1},
                                                                   {&Fence::tallied, 1},
                                                                   {&Fence::duplicate, 1},
                                                                   {&Fence::dead_lettered, 1},
                                                                   {&Fence::skipped, 1}}) {
    Fence fence = fence_of(row);
    fence.*member += by;
    auto held = store_->begin(std::array{fence});
    ASSERT_TRUE(held.has_value()) << held.error().text;
    EXPECT_TRUE(held->empty()) << "offset " << fence.next_offset << " version " << fence.version << " sums "
                               << fence.tallied << ' ' << fence.duplicate << ' ' << fence.dead_lettered << ' '
                               << fence.skipped;
    store_->rollback();
  }
  EXPECT_EQ(open(), row);
}

TEST_P(MetricsStoreContract, HoldsNothingOfAPartitionThatWasNeverOpened) {
  open(0);
  EXPECT_TRUE(store_->begin(std::array{Fence{7, 0, 0}}).value().empty());
  store_->rollback();
}

TEST_P(MetricsStoreContract, FencesOffASessionAfterAnotherHasWritten) {
  const tally::LedgerRow seen_by_both = open();
  auto successor = fixture_->session(group);
  std::swap(store_, successor);  // the successor writes
  flush(seen_by_both, {});
  std::swap(store_, successor);
  EXPECT_TRUE(store_->begin(std::array{store_contract::fence_of(seen_by_both)}).value().empty());
  store_->rollback();
}

TEST_P(MetricsStoreContract, WritesTheHeldPartitionsAndLeavesOutTheLost) {
  const tally::LedgerRow zero = open(0);
  const tally::LedgerRow one = open(1);
  const tally::LedgerRow two = open(2);
  using store_contract::fence_of;
  Fence stale = fence_of(one);
  ++stale.version;
  const std::array fences{fence_of(zero), stale, fence_of(two)};
  auto held = store_->begin(fences);
  ASSERT_TRUE(held.has_value());
  std::sort(held->begin(), held->end());
  EXPECT_EQ(*held, (std::vector<std::int32_t>{0, 2}));
  const tally::LedgerRow new_zero = store_contract::moved_on(zero, 1);
  const tally::LedgerRow new_two = store_contract::moved_on(two, 2);
  ASSERT_TRUE(store_->write({.ledgers = {new_zero, new_two}}).has_value());
  ASSERT_EQ(store_->commit().status, CommitStatus::committed);
  EXPECT_EQ(fixture_->contents().ledgers, (std::vector{new_zero, one, new_two}));
}

// The other tables.

TEST_P(MetricsStoreContract, StoresWhichMinutesHaveAPendingRollup) {
  using namespace store_contract;
  tally::LedgerRow ledger =
      flush(open(), {.pending_rollups = {{0, minute(2)}, {0, minute(0)}, {1, minute(1)}}});
  EXPECT_EQ(store_->find_pending_rollups(0).value(), (std::vector{minute(0), minute(2)}));
  ledger = flush(ledger, {.pending_rollups = {{0, minute(2)}, {0, minute(5)}},
                          .rolled_up = {{0, minute(0)}, {0, minute(9)}}});
  EXPECT_EQ(store_->find_pending_rollups(0).value(), (std::vector{minute(2), minute(5)}));
  EXPECT_EQ(store_->find_pending_rollups(1).value(), std::vector{minute(1)});
  EXPECT_TRUE(store_->find_pending_rollups(2).value().empty());
}

TEST_P(MetricsStoreContract, RaisesHorizonsAndNeverLowersThem) {
  using namespace store_contract;
  EXPECT_EQ(fixture_->contents().pruned_to, (std::array<WallTime, 3>{}));  // 1970: nothing is pruned
  const WallTime noon{hour(3)};
  tally::LedgerRow ledger =
      flush(open(), {.horizons = {{Granularity::minute, noon}, {Granularity::day, noon}}});
  ledger =
      flush(ledger,
            {.horizons = {{Granularity::minute, WallTime{hour(1)}}, {Granularity::hour, WallTime{hour(2)}}}});
  EXPECT_EQ(fixture_->contents().pruned_to, (std::array{noon, WallTime{hour(2)}, noon}));
}

TEST_P(MetricsStoreContract, AddsARowOfUserActivityMetricsForEachFlushThatHasOne) {
  using store_contract::written;
  const FlushRow first{written, 3, 5};
  const FlushRow second{written + std::chrono::seconds{1}, 0, 7};
  flush(flush(flush(open(), {.flush = first}), {}), {.flush = second});
  EXPECT_EQ(fixture_->contents().flushes, (std::vector{first, second}));
}

TEST_P(MetricsStoreContract, LeavesNothingAfterARollback) {
  using namespace store_contract;
  const tally::LedgerRow ledger = open();
  const Changes changes{.written_at = written,
                        .windows = {total(Granularity::minute, minute(0), 1)},
                        .pending_rollups = {{0, minute(0)}},
                        .horizons = {{Granularity::minute, WallTime{hour(1)}}},
                        .dead_letters = {{.partition = 0, .offset = 0}},
                        .flush = FlushRow{written, 1, 1},
                        .ledgers = {moved_on(ledger, 1)}};
  ASSERT_TRUE(store_->begin(std::array{fence_of(ledger)}).has_value());
  ASSERT_TRUE(store_->write(changes).has_value());
  store_->rollback();
  store_->rollback();  // allowed at any step, also outside a transaction
  const StoreContents left = fixture_->contents();
  EXPECT_TRUE(left.windows.empty() && left.pending_rollups.empty() && left.dead_letters.empty() &&
              left.flushes.empty());
  EXPECT_EQ(left.pruned_to, (std::array<WallTime, 3>{}));
  EXPECT_EQ(left.ledgers, std::vector{ledger});
  flush(ledger, changes);  // the same changes can be written again
}

}  // namespace weir::commit
