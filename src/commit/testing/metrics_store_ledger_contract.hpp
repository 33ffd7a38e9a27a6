// The tests of begin_topic() and archive_ledger(). Include metrics_store_contract.hpp instead of this file.
#pragma once

#include <array>
#include <chrono>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

#include "commit/testing/metrics_store_fixture.hpp"

namespace weir::commit {

// begin_topic().

TEST_P(MetricsStoreContract, BeginsATopicWithARowForEachOfItsPartitions) {
  const std::array starts{PartitionStart{0, 10, 40, -77}, PartitionStart{1, 0, 0, {}},
                          PartitionStart{2, 7, 7, {}}};
  EXPECT_TRUE(store_->begin_topic(starts, store_contract::written).value());
  const std::vector<tally::LedgerRow> ledgers = fixture_->contents().ledgers;
  ASSERT_EQ(ledgers.size(), 3U);
  for (const PartitionStart& start : starts) {
    const tally::LedgerRow opened = open(start.partition, 99);
    EXPECT_EQ(opened.start_offset, start.start_offset);
    EXPECT_EQ(opened.next_offset, start.next_offset);
    EXPECT_EQ(opened.skipped, start.next_offset - start.start_offset);
    EXPECT_EQ(opened.counted_from, opened.skipped > 0 ? start.next_offset : 0);
    EXPECT_EQ(opened.last_record_hash, start.last_record_hash);
    EXPECT_EQ(opened.observed.log_end_offset, start.next_offset);
    EXPECT_TRUE(opened.adds_up());
    EXPECT_EQ(opened.version, 0);
    EXPECT_EQ(opened.updated_at, store_contract::written);
    EXPECT_EQ(ledgers.at(static_cast<std::size_t>(start.partition)), opened);
  }
}

TEST_P(MetricsStoreContract, BeginsATopicOnce) {
  auto other = fixture_->session(group);
  const std::array first{PartitionStart{0, 40, 40, {}}, PartitionStart{1, 41, 41, {}}};
  const std::array second{PartitionStart{0, 50, 50, {}}, PartitionStart{1, 51, 51, {}},
                          PartitionStart{2, 52, 52, {}}};
  EXPECT_TRUE(store_->begin_topic(first, store_contract::written).value());
  EXPECT_FALSE(other->begin_topic(second, store_contract::written).value());
  const std::vector<tally::LedgerRow> ledgers = fixture_->contents().ledgers;
  ASSERT_EQ(ledgers.size(), 2U);
  EXPECT_EQ(ledgers[0].next_offset, 40);
  EXPECT_EQ(ledgers[1].next_offset, 41);
}

TEST_P(MetricsStoreContract, BeginsNoTopicThatHasALedgerRow) {
  const tally::LedgerRow there = open(1, 5);
  const std::array starts{PartitionStart{0, 40, 40, {}}, PartitionStart{1, 41, 41, {}}};
  EXPECT_FALSE(store_->begin_topic(starts, store_contract::written).value());
  EXPECT_EQ(fixture_->contents().ledgers, std::vector{there});
}

TEST_P(MetricsStoreContract, KeepsCountedFromUntilTheLedgerIsArchived) {
  using namespace store_contract;
  const std::array starts{PartitionStart{0, 10, 40, 5}};
  ASSERT_TRUE(store_->begin_topic(starts, written).value());
  const tally::LedgerRow moved = flush(open(), {});
  EXPECT_EQ(moved.counted_from, 40);
  EXPECT_EQ(open(), moved);
  auto fresh = store_->archive_ledger({.seen = fence_of(moved), .as_topic = "old", .now = written});
  ASSERT_TRUE(fresh.has_value() && fresh->has_value());
  EXPECT_EQ((*fresh)->counted_from, 0);
}

// archive_ledger().

namespace store_contract {

inline constexpr const char* archived_topic = "the-topic~20261122T181500Z";

inline LedgerArchival archival_of(const tally::LedgerRow& row, std::int64_t start_offset = 0) {
  return {.seen = fence_of(row),
          .as_topic = archived_topic,
          .start_offset = start_offset,
          .now = written + std::chrono::hours{1}};
}

}  // namespace store_contract

TEST_P(MetricsStoreContract, ArchivesALedgerAndInsertsANewOne) {
  using namespace store_contract;
  const tally::LedgerRow other = open(1);
  const DeadLetter letter{0, 5, "json_broken", "a value ends early", "user", "{", written};
  const DeadLetter others{1, 5, "json_broken", "", "", "", written};
  const tally::LedgerRow old = flush(open(), {.windows = {total(Granularity::minute, minute(0), 3)},
                                              .pending_rollups = {{0, minute(0)}},
                                              .dead_letters = {letter, others}});
  const StoreContents before = fixture_->contents();

  auto begun = store_->archive_ledger(archival_of(old, 17));
  ASSERT_TRUE(begun.has_value()) << begun.error().text;
  ASSERT_TRUE(begun->has_value());
  const tally::LedgerRow& fresh = **begun;
  tally::LedgerRow expected{
      .partition = 0, .start_offset = 17, .next_offset = 17, .version = old.version + 1};
  expected.observed.log_end_offset = 17;
  expected.observed.observed_at = expected.updated_at = written + std::chrono::hours{1};
  EXPECT_EQ(fresh, expected);

  const StoreContents after = fixture_->contents();
  EXPECT_EQ(after.ledgers, (std::vector{fresh, other}));
  ASSERT_EQ(after.archived.size(), 1U);
  EXPECT_EQ(after.archived[0].topic, archived_topic);
  EXPECT_EQ(after.archived[0].ledger.tallied, old.tallied);
  EXPECT_EQ(after.archived[0].ledger.next_offset, old.next_offset);
  EXPECT_EQ(after.archived[0].dead_letters, (std::vector<StoredDeadLetter>{before.dead_letters[0]}));
  EXPECT_EQ(after.dead_letters, (std::vector<StoredDeadLetter>{before.dead_letters[1]}));
  EXPECT_EQ(after.windows, before.windows);
  EXPECT_EQ(after.pending_rollups, before.pending_rollups);
  EXPECT_EQ(store_->find_pending_rollups(0).value(), std::vector{minute(0)});
  EXPECT_TRUE(store_->find_dead_letters(0, 0, 99).value().empty());
}

TEST_P(MetricsStoreContract, WritesToTheNewLedgerAndReusesOldOffsets) {
  using namespace store_contract;
  const Changes letter{
      .dead_letters = {{.partition = 0, .offset = 5, .reason = "json_broken", .at = written}}};
  const tally::LedgerRow old = flush(open(), letter);
  auto begun = store_->archive_ledger(archival_of(old));
  ASSERT_TRUE(begun.has_value() && begun->has_value());
  EXPECT_EQ(open(0, 99), **begun);
  const tally::LedgerRow moved = flush(**begun, letter);  // the same offset becomes a dead letter again
  EXPECT_EQ(open(), moved);
  EXPECT_EQ(store_->find_dead_letters(0, 0, 99).value(), std::vector<std::int64_t>{5});
}

TEST_P(MetricsStoreContract, ArchivesALedgerOnceForTwoSessions) {
  using namespace store_contract;
  const tally::LedgerRow old = flush(open(), {});
  auto other = fixture_->session(group);
  auto first = store_->archive_ledger(archival_of(old));
  ASSERT_TRUE(first.has_value() && first->has_value());
  LedgerArchival later = archival_of(old, 3);
  later.as_topic = "the-topic~20261122T181501Z";
  auto second = other->archive_ledger(later);
  ASSERT_TRUE(second.has_value()) << second.error().text;
  EXPECT_FALSE(second->has_value());
  EXPECT_EQ(fixture_->contents().ledgers, std::vector{**first});
  EXPECT_EQ(fixture_->contents().archived.size(), 1U);
}

TEST_P(MetricsStoreContract, ArchivesNoLedgerThatHasChanged) {
  using namespace store_contract;
  const tally::LedgerRow seen = flush(open(), {});
  const tally::LedgerRow now = flush(seen, {});
  auto missed = store_->archive_ledger(archival_of(seen));
  ASSERT_TRUE(missed.has_value()) << missed.error().text;
  EXPECT_FALSE(missed->has_value());
  EXPECT_EQ(fixture_->contents().ledgers, std::vector{now});
  EXPECT_TRUE(fixture_->contents().archived.empty());
}

// Even if the new ledger starts at the offset that the old one had reached.
TEST_P(MetricsStoreContract, MatchesNoFenceOfAnArchivedLedger) {
  using namespace store_contract;
  const tally::LedgerRow old = flush(open(), {});
  auto begun = store_->archive_ledger(archival_of(old, old.next_offset));
  ASSERT_TRUE(begun.has_value() && begun->has_value());
  EXPECT_TRUE(store_->begin(std::array{fence_of(old)}).value().empty());
  store_->rollback();
  EXPECT_EQ(store_->begin(std::array{fence_of(**begun)}).value().size(), 1U);
  store_->rollback();
}

TEST_P(MetricsStoreContract, KeepsTheFirstOfTwoArchivedLedgersWithTheSameName) {
  using namespace store_contract;
  auto begun = store_->archive_ledger(archival_of(flush(open(), {})));
  ASSERT_TRUE(begun.has_value() && begun->has_value());
  const tally::LedgerRow again = flush(**begun, {});
  auto refused = store_->archive_ledger(archival_of(again));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(refused.error().code, "ledger_archived");
  EXPECT_EQ(fixture_->contents().ledgers, std::vector{again});
  LedgerArchival later = archival_of(again);
  later.as_topic = "the-topic~20261122T181501Z";
  EXPECT_TRUE(store_->archive_ledger(later).value().has_value());
  EXPECT_EQ(fixture_->contents().archived.size(), 2U);
}

}  // namespace weir::commit
