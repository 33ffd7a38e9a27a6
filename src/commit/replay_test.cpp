#include "commit/replay.hpp"

#include "commit/flush.hpp"

namespace weir::commit {
namespace {

const DeadLetterId letter{"the-topic", 0, 5};

constexpr tally::Dimension country = tally::first_own_dimension;

KeptEvent event() {
  const std::string text = "DE";  // dies before the event is counted
  const std::array values{tally::EventValue{tally::Dimension::total, {}}, tally::EventValue{country, text}};
  return {{.is_page_view = true, .values = values}, 7, RecordTime{}};
}

Replay good() { return {.offset = 8, .source = letter, .event = event(), .letter = {}}; }
Replay repeated() { return {.offset = 8, .source = letter, .event = {}, .letter = {}}; }
Replay bad(std::int64_t offset = 9) {
  return {.offset = offset,
          .source = letter,
          .event = {},
          .letter = DeadLetter{.offset = offset, .reason = "not_json"}};
}

ReplaySettlement book_with(DeadLetterState state) {
  ReplaySettlement book;
  book.locked(std::array{letter}, std::array{state});
  return book;
}

TEST(DeadLetterId, StandsInAHeaderAsTopicPartitionAndOffset) {
  EXPECT_EQ(to_text({"incoming.user_activity", 3, 4711}), "incoming.user_activity/3/4711");
  EXPECT_EQ(parse_dead_letter_id("incoming.user_activity/3/4711"),
            (DeadLetterId{"incoming.user_activity", 3, 4711}));
  EXPECT_EQ(parse_dead_letter_id("t~2026-01-01T00:00:00Z/0/0"),
            (DeadLetterId{"t~2026-01-01T00:00:00Z", 0, 0}));
  for (const std::string_view broken :
       {"", "/", "//", "t", "t/1", "/1/2", "t/1/", "t//2", "t/-1/2", "t/1/-2", "t/1/2x", "t/x/2", "t/1/ 2",
        "t/99999999999/2", "t/1/99999999999999999999"})
    EXPECT_EQ(parse_dead_letter_id(broken), std::nullopt) << broken;
}

TEST(Replay, CountsOnlyWhileItsLetterWaits) {
  struct Case {
    const char* what;
    Replay replay;
    DeadLetterState state;
    Counts counts;
    std::size_t marked, failed, new_letters;
  };
  using enum DeadLetterState;
  const std::array cases{
      Case{"good, waiting", good(), waiting, {.tallied = 1}, 1, 0, 0},
      Case{"good, replayed", good(), replayed, {.duplicate = 1}, 0, 0, 0},
      Case{"good, unknown", good(), unknown, {.tallied = 1}, 0, 0, 0},
      Case{"repeated, waiting", repeated(), waiting, {.duplicate = 1}, 1, 0, 0},
      Case{"repeated, replayed", repeated(), replayed, {.duplicate = 1}, 0, 0, 0},
      Case{"repeated, unknown", repeated(), unknown, {.duplicate = 1}, 0, 0, 0},
      Case{"still bad, waiting", bad(), waiting, {.dead_lettered = 1}, 0, 1, 0},
      Case{"still bad, replayed", bad(), replayed, {.dead_lettered = 1}, 0, 1, 0},
      Case{"still bad, unknown", bad(), unknown, {.dead_lettered = 1}, 0, 0, 1},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.what);
    ReplaySettlement book = book_with(each.state);
    const tally::Tally tally{std::chrono::days{7}};
    const SettledReplays settled = settle(std::array{each.replay}, tally, "the-topic", book);
    EXPECT_EQ(settled.counts.tallied, each.counts.tallied);
    EXPECT_EQ(settled.counts.duplicate, each.counts.duplicate);
    EXPECT_EQ(settled.counts.dead_lettered, each.counts.dead_lettered);
    EXPECT_EQ(settled.tally.has_value(), each.counts.tallied == 1);
    EXPECT_EQ(book.replayed().size(), each.marked);
    EXPECT_EQ(book.failed().size(), each.failed);
    EXPECT_EQ(settled.letters.size(), each.new_letters);
  }
}

TEST(Replay, OfOneLetterCountsOnceInOneFlush) {
  ReplaySettlement book = book_with(DeadLetterState::waiting);
  const tally::Tally tally{std::chrono::days{7}};
  const SettledReplays first = settle(std::array{bad(), good(), good()}, tally, "the-topic", book);
  const SettledReplays second =
      settle(std::array{good(), bad()}, tally, "the-topic", book);  // another partition's
  EXPECT_EQ(first.counts.tallied, 1);
  EXPECT_EQ(first.counts.duplicate, 1);
  EXPECT_EQ(second.counts.tallied, 0);
  EXPECT_EQ(second.counts.duplicate, 1);
  EXPECT_EQ(book.replayed(), std::vector{letter});
  ASSERT_EQ(book.failed().size(), 1U);
  EXPECT_EQ(book.failed()[0].times, 2);
}

TEST(Replay, ThatIsStillBadAndOfNoKnownLetterMayBeReplayedItself) {
  ReplaySettlement book = book_with(DeadLetterState::unknown);
  const Replay of_it{.offset = 10, .source = {"the-topic", 0, 9}, .event = event(), .letter = {}};
  const SettledReplays settled =
      settle(std::array{bad(9), of_it, of_it}, tally::Tally{std::chrono::days{7}}, "the-topic", book);
  EXPECT_EQ(settled.counts.dead_lettered, 1);
  EXPECT_EQ(settled.counts.tallied, 1);
  EXPECT_EQ(settled.counts.duplicate, 1);
  EXPECT_EQ(book.replayed(), std::vector{of_it.source});
}

TEST(Replay, IsAddedToThePartsTallyWithoutChangingIt) {
  tally::Tally tally{std::chrono::days{7}};
  event().add_to(tally);
  ReplaySettlement book = book_with(DeadLetterState::waiting);
  const SettledReplays settled = settle(std::array{good()}, tally, "the-topic", book);
  EXPECT_EQ(tally.events(), 1);
  ASSERT_TRUE(settled.tally.has_value());
  EXPECT_EQ(settled.tally->events(), 2);
  EXPECT_EQ(settled.tally->page_views(), 2);
  ASSERT_EQ(settled.tally->deltas().size(), 2U);
  EXPECT_EQ(settled.tally->deltas()[1].dimension, country);
  EXPECT_EQ(settled.tally->deltas()[1].value, "DE");
  EXPECT_EQ(settled.tally->deltas()[1].events, 2);
  EXPECT_EQ(settled.tally->users().size(), 1U);
}

// A flush of one part with one tallied event, and a replay of `letter` behind it.
class ReplayFlush : public testing::Test {
 protected:
  ReplayFlush() {
    PendingBatch part{std::chrono::days{7}};
    event().add_to(part.tally);
    part.replays.push_back(good());
    part.counts = {.read = 2, .tallied = 1};
    part.next_offset = 8;
    tally::LedgerRow before{.partition = 0, .start_offset = 6, .next_offset = 6, .version = 3};
    before.observed.log_end_offset = 8;
    std::vector<PartitionCommit> claims{{.generation = 1, .before = before, .after = part.added_to(before)}};
    std::vector<Flush::PartitionBatch> shares;
    shares.push_back({0, std::move(part)});
    transaction_ = std::make_unique<Transaction>(
        std::move(claims), std::make_unique<Flush>(std::move(shares), Flush::Pruning{}, "the-topic"),
        WallTime{});
  }

  // Up to the write, whose changes it answers.
  Changes run(DeadLetterState state) {
    (void)transaction_->next();
    transaction_->answer(Result<std::vector<std::int32_t>>(std::vector{0}));
    std::optional<StoreCall> call = transaction_->next();
    EXPECT_TRUE(call && std::holds_alternative<LockDeadLetters>(*call));
    EXPECT_EQ(std::get<LockDeadLetters>(*call).letters, std::vector{letter});
    transaction_->answer(Result<std::vector<DeadLetterState>>(std::vector{state}));
    call = transaction_->next();
    EXPECT_TRUE(call && std::holds_alternative<ReadWindows>(*call));
    transaction_->answer(Result<MetricsStore::WindowRows>(std::vector<tally::WindowRow>()));
    call = transaction_->next();
    EXPECT_TRUE(call && std::holds_alternative<Write>(*call));
    return std::get<Write>(*std::move(call)).changes;
  }

  std::unique_ptr<Transaction> transaction_;
};

TEST_F(ReplayFlush, IsJudgedAnewWhenTheTransactionIsRunAgain) {
  const Changes first = run(DeadLetterState::waiting);
  EXPECT_EQ(first.replayed, std::vector{letter});
  EXPECT_EQ(first.ledgers.at(0).tallied, 2);
  EXPECT_EQ(first.flush.value().page_view_count, 2);
  transaction_->answer(Result<Written>(fail(ErrorKind::unavailable, "store_away", "the store is away")));
  EXPECT_FALSE(transaction_->next().has_value());

  // Meanwhile somebody else has counted another replay of the letter.
  transaction_->run_again(WallTime{});
  const Changes second = run(DeadLetterState::replayed);
  EXPECT_TRUE(second.replayed.empty());
  EXPECT_EQ(second.ledgers.at(0).tallied, 1);
  EXPECT_EQ(second.ledgers.at(0).duplicate, 1);
  EXPECT_EQ(second.ledgers.at(0).read, 2);
  EXPECT_EQ(second.ledgers.at(0).observed.log_end_offset, 8);
  EXPECT_EQ(second.flush.value().page_view_count, 1);
}

TEST_F(ReplayFlush, TriesAgainWhenItsLettersCannotBeLocked) {
  (void)transaction_->next();
  transaction_->answer(Result<std::vector<std::int32_t>>(std::vector{0}));
  (void)transaction_->next();
  transaction_->answer(
      Result<std::vector<DeadLetterState>>(fail(ErrorKind::unavailable, "store_away", "the store is away")));
  EXPECT_FALSE(transaction_->next().has_value());
  ASSERT_TRUE(transaction_->failure().has_value());
  EXPECT_EQ(transaction_->claims()[0].fate, CommitResult::open);
  transaction_->run_again(WallTime{});
  EXPECT_EQ(run(DeadLetterState::waiting).ledgers.at(0).tallied, 2);
}

}  // namespace
}  // namespace weir::commit
