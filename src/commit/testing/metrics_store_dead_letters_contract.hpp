// The tests of dead letters and their replays. Include metrics_store_contract.hpp instead of this file.
#pragma once

#include <array>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "commit/testing/metrics_store_fixture.hpp"

namespace weir::commit {

TEST_P(MetricsStoreContract, StoresEveryMemberOfADeadLetter) {
  using store_contract::written;
  const DeadLetter bytes{
      0, 5, "json_broken", "a value ends early", "user-1", std::string("\0\xff{\"", 4), written};
  const DeadLetter empty{0,      6, "value_missing", "a record without a value", std::nullopt, std::nullopt,
                         written};
  const DeadLetter other{1, 5, "json_broken", "", "", "", written};
  flush(open(), {.dead_letters = {empty, other, bytes}});
  EXPECT_EQ(fixture_->contents().dead_letters,
            (std::vector<StoredDeadLetter>{{bytes, 1, {}}, {empty, 1, {}}, {other, 1, {}}}));
}

TEST_P(MetricsStoreContract, FindsTheOffsetsOfDeadLetters) {
  Changes changes;
  for (const std::int64_t offset : {30, 10, 20, 40})
    changes.dead_letters.push_back({.partition = 0, .offset = offset});
  changes.dead_letters.push_back({.partition = 1, .offset = 25});
  flush(open(), changes);
  using Offsets = std::vector<std::int64_t>;
  EXPECT_EQ(store_->find_dead_letters(0, 10, 40).value(),
            (Offsets{10, 20, 30}));  // `from` is included, `to` is not
  EXPECT_EQ(store_->find_dead_letters(0, 11, 41).value(), (Offsets{20, 30, 40}));
  EXPECT_EQ(store_->find_dead_letters(0, 41, 99).value(), Offsets{});
  EXPECT_EQ(store_->find_dead_letters(1, 0, 99).value(), Offsets{25});
}

TEST_P(MetricsStoreContract, FindsTheDeadLettersOfWhichEachReplayFailed) {
  using store_contract::letter;
  EXPECT_EQ(store_->find_failed_replays().value(), std::vector<DeadLetterId>{});
  Changes changes;
  for (const std::int64_t offset : {9, 10, 11, 12})
    changes.dead_letters.push_back({.partition = 0, .offset = offset});
  changes.dead_letters.push_back({.partition = 3, .offset = 2});
  changes.failed_replays = {{letter(0, 10)}, {letter(0, 9)}, {letter(3, 2), 2}, {letter(0, 11)}};
  const tally::LedgerRow ledger = flush(open(), changes);
  flush(ledger, {.replayed = {letter(0, 11), letter(0, 12)}});
  EXPECT_EQ(store_->find_failed_replays().value(), (std::vector{letter(0, 9), letter(0, 10), letter(3, 2)}));
}

TEST_P(MetricsStoreContract, RefusesADeadLetterThatExists) {
  const Changes letter{.dead_letters = {{.partition = 0, .offset = 5}}};
  const tally::LedgerRow ledger = flush(open(), letter);
  expect_refused(ledger, letter);
}

// Replays.

TEST_P(MetricsStoreContract, ReturnsTheStateOfEachDeadLetter) {
  using namespace store_contract;
  tally::LedgerRow ledger =
      flush(open(), {.dead_letters = {{.partition = 0, .offset = 5}, {.partition = 3, .offset = 9}}});
  ledger = flush(ledger, {.replayed = {letter(0, 5)}});

  // Partition 3 has no fence and no ledger row; its dead letters can be locked nevertheless.
  const std::array asked{letter(3, 9), letter(0, 6), letter(0, 5), letter(3, 5), letter(0, 5)};
  using enum DeadLetterState;
  ASSERT_EQ(store_->begin(std::array{fence_of(ledger)}).value().size(), 1U);
  EXPECT_EQ(store_->lock_dead_letters(asked).value(),
            (std::vector{waiting, unknown, replayed, unknown, replayed}));
  EXPECT_TRUE(store_->lock_dead_letters({}).value().empty());
  const std::array other_topics{DeadLetterId{"another-topic", 0, 5}, DeadLetterId{"", 3, 9}};
  EXPECT_EQ(store_->lock_dead_letters(other_topics).value(), (std::vector{unknown, unknown}));
  store_->rollback();
}

TEST_P(MetricsStoreContract, MarksADeadLetterAsReplayedOnce) {
  using namespace store_contract;
  const DeadLetter own{.partition = 0, .offset = 5, .at = written};
  const DeadLetter foreign{.partition = 3, .offset = 9, .at = written};
  tally::LedgerRow ledger = flush(open(), {.dead_letters = {own, foreign}});
  const WallTime later = written + std::chrono::minutes{2};
  ledger = flush(ledger, {.written_at = later, .replayed = {letter(3, 9)}});
  EXPECT_EQ(fixture_->contents().dead_letters,
            (std::vector<StoredDeadLetter>{{own, 1, {}}, {foreign, 1, later}}));
  expect_refused(ledger, {.replayed = {letter(3, 9)}});
  expect_refused(ledger, {.replayed = {letter(3, 10)}});  // no such dead letter
}

TEST_P(MetricsStoreContract, CountsTheFailedReplaysOfADeadLetter) {
  using namespace store_contract;
  const DeadLetter own{.partition = 0, .offset = 5, .at = written};
  const DeadLetter foreign{.partition = 3, .offset = 9, .at = written};
  tally::LedgerRow ledger = flush(open(), {.dead_letters = {own, foreign}});
  ledger =
      flush(ledger, {.replayed = {letter(3, 9)}, .failed_replays = {{letter(0, 5), 2}, {letter(3, 9), 1}}});
  ledger = flush(
      ledger, {.failed_replays = {{letter(0, 5), 1}, {letter(3, 9), 4}}});  // also after a replay was counted
  EXPECT_EQ(fixture_->contents().dead_letters,
            (std::vector<StoredDeadLetter>{{own, 4, {}}, {foreign, 6, written}}));
  expect_refused(ledger, {.failed_replays = {{letter(0, 6), 1}}});
}

TEST_P(MetricsStoreContract, MarksADeadLetterOfTheSameChanges) {
  using namespace store_contract;
  const DeadLetter one{.partition = 0, .offset = 5, .at = written};
  const DeadLetter two{.partition = 0, .offset = 6, .at = written};
  flush(open(),
        {.dead_letters = {one, two}, .replayed = {letter(0, 5)}, .failed_replays = {{letter(0, 6), 1}}});
  EXPECT_EQ(fixture_->contents().dead_letters,
            (std::vector<StoredDeadLetter>{{one, 1, written}, {two, 2, {}}}));
}

TEST_P(MetricsStoreContract, LeavesNoMarkAfterARollback) {
  using namespace store_contract;
  const DeadLetter own{.partition = 0, .offset = 5, .at = written};
  const tally::LedgerRow ledger = flush(open(), {.dead_letters = {own}});
  ASSERT_EQ(store_->begin(std::array{fence_of(ledger)}).value().size(), 1U);
  ASSERT_EQ(store_->lock_dead_letters(std::array{letter(0, 5)}).value(),
            std::vector{DeadLetterState::waiting});
  ASSERT_TRUE(store_
                  ->write({.replayed = {letter(0, 5)},
                           .failed_replays = {{letter(0, 5), 1}},
                           .ledgers = {moved_on(ledger, 1)}})
                  .has_value());
  store_->rollback();
  EXPECT_EQ(fixture_->contents().dead_letters, (std::vector<StoredDeadLetter>{{own, 1, {}}}));
  flush(ledger, {.replayed = {letter(0, 5)}});  // the same changes can be written again
}

}  // namespace weir::commit
