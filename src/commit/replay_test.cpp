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

Replay good() { return {.offset = 8, .source = letter, .event = event(), .dead_letter = {}}; }
Replay repeated() { return {.offset = 8, .source = letter, .event = {}, .dead_letter = {}}; }
Replay bad(std::int64_t offset = 9) {
  return {.offset = offset,
          .source = letter,
          .event = {},
          .dead_letter = DeadLetter{.offset = offset, .reason = "not_json"}};
}

ReplaySettlement settlement_with(DeadLetterState state) {
  ReplaySettlement settlement;
  settlement.locked(std::array{letter}, std::array{state});
  return settlement;
}

TEST(DeadLetterId, IsWrittenAsTopicPartitionAndOffset) {
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

TEST(Replay, IsTalliedOnlyWhileItsDeadLetterWaits) {
  struct Case {
    const char* what;
    Replay replay;
    DeadLetterState state;
    Counts counts;
    std::size_t marked, failed, new_dead_letters;
  };
  using enum DeadLetterState;
  const std::array cases{
      Case{"good, waiting", good(), waiting, {.tallied = 1}, 1, 0, 0},
      Case{"good, replayed", good(), replayed, {.duplicate = 1}, 0, 0, 0},
      Case{"good, unknown", good(), unknown, {.tallied = 1}, 0, 0, 0},
      Case{"repeated, waiting", repeated(), waiting, {.duplicate = 1}, 1, 0, 0},
      Case{"repeated, replayed", repeated(), replayed, {.duplicate = 1}, 0, 0, 0},
      Case{"repeated, unknown", repeated(), unknown, {.duplicate = 1}, 0, 0, 0},
      Case{"still invalid, waiting", bad(), waiting, {.dead_lettered = 1}, 0, 1, 0},
      Case{"still invalid, replayed", bad(), replayed, {.dead_lettered = 1}, 0, 1, 0},
      Case{"still invalid, unknown", bad(), unknown, {.dead_lettered = 1}, 0, 0, 1},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.what);
    ReplaySettlement settlement = settlement_with(each.state);
    const tally::Tally tally{std::chrono::days{7}};
    const ReplayOutcome outcome = apply_replays(std::array{each.replay}, tally, "the-topic", settlement);
    EXPECT_EQ(outcome.counts.tallied, each.counts.tallied);
    EXPECT_EQ(outcome.counts.duplicate, each.counts.duplicate);
    EXPECT_EQ(outcome.counts.dead_lettered, each.counts.dead_lettered);
    EXPECT_EQ(outcome.tally.has_value(), each.counts.tallied == 1);
    EXPECT_EQ(settlement.replayed().size(), each.marked);
    EXPECT_EQ(settlement.failed().size(), each.failed);
    EXPECT_EQ(outcome.dead_letters.size(), each.new_dead_letters);
  }
}

TEST(Replay, OfOneDeadLetterIsTalliedOnceInOneFlush) {
  ReplaySettlement settlement = settlement_with(DeadLetterState::waiting);
  const tally::Tally tally{std::chrono::days{7}};
  const ReplayOutcome first =
      apply_replays(std::array{bad(), good(), good()}, tally, "the-topic", settlement);
  const ReplayOutcome second =
      apply_replays(std::array{good(), bad()}, tally, "the-topic", settlement);  // of another partition
  EXPECT_EQ(first.counts.tallied, 1);
  EXPECT_EQ(first.counts.duplicate, 1);
  EXPECT_EQ(second.counts.tallied, 0);
  EXPECT_EQ(second.counts.duplicate, 1);
  EXPECT_EQ(settlement.replayed(), std::vector{letter});
  ASSERT_EQ(settlement.failed().size(), 1U);
  EXPECT_EQ(settlement.failed()[0].times, 2);
}

TEST(Replay, ThatIsStillInvalidBecomesADeadLetterThatCanBeReplayed) {
  ReplaySettlement settlement = settlement_with(DeadLetterState::unknown);
  const Replay of_it{.offset = 10, .source = {"the-topic", 0, 9}, .event = event(), .dead_letter = {}};
  const ReplayOutcome outcome = apply_replays(std::array{bad(9), of_it, of_it},
                                              tally::Tally{std::chrono::days{7}}, "the-topic", settlement);
  EXPECT_EQ(outcome.counts.dead_lettered, 1);
  EXPECT_EQ(outcome.counts.tallied, 1);
  EXPECT_EQ(outcome.counts.duplicate, 1);
  EXPECT_EQ(settlement.replayed(), std::vector{of_it.source});
}

TEST(Replay, LeavesTheTallyOfTheBatchUnchanged) {
  tally::Tally tally{std::chrono::days{7}};
  event().add_to(tally);
  ReplaySettlement settlement = settlement_with(DeadLetterState::waiting);
  const ReplayOutcome outcome = apply_replays(std::array{good()}, tally, "the-topic", settlement);
  EXPECT_EQ(tally.events(), 1);
  ASSERT_TRUE(outcome.tally.has_value());
  EXPECT_EQ(outcome.tally->events(), 2);
  EXPECT_EQ(outcome.tally->page_views(), 2);
  ASSERT_EQ(outcome.tally->deltas().size(), 2U);
  EXPECT_EQ(outcome.tally->deltas()[1].dimension, country);
  EXPECT_EQ(outcome.tally->deltas()[1].value, "DE");
  EXPECT_EQ(outcome.tally->deltas()[1].events, 2);
  EXPECT_EQ(outcome.tally->users().size(), 1U);
}

// A flush of one batch: one tallied event, followed by a replay of `letter`.
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
    std::vector<PartitionCommit> commits{{.generation = 1, .before = before, .after = part.added_to(before)}};
    std::vector<Flush::PartitionBatch> batches;
    batches.push_back({0, std::move(part)});
    transaction_ = std::make_unique<Transaction>(
        std::move(commits), std::make_unique<Flush>(std::move(batches), Flush::Pruning{}, "the-topic"),
        WallTime{});
  }

  // Returns the next call, which must have this request.
  template <class Request>
  Call<Request> next() {
    std::optional<StoreCall> call = transaction_->next();
    return std::get<Call<Request>>(std::move(call).value());
  }

  // Responds to all calls before the write, and returns the write.
  Call<Write> run_to_write(DeadLetterState state) {
    next<Begin>().respond(std::vector{0});
    Call<LockDeadLetters> lock = next<LockDeadLetters>();
    EXPECT_EQ(lock.request().dead_letters, std::vector{letter});
    lock.respond(std::vector{state});
    next<ReadWindows>().respond(std::vector<tally::WindowRow>());
    return next<Write>();
  }

  std::unique_ptr<Transaction> transaction_;
};

TEST_F(ReplayFlush, IsAppliedAgainWhenTheTransactionRunsAgain) {
  Call<Write> write = run_to_write(DeadLetterState::waiting);
  const Changes& first = write.request().changes;
  EXPECT_EQ(first.replayed, std::vector{letter});
  EXPECT_EQ(first.ledgers.at(0).tallied, 2);
  EXPECT_EQ(first.flush.value().page_view_count, 2);
  write.respond(fail(ErrorKind::unavailable, "store_away", "the store does not respond"));
  EXPECT_FALSE(transaction_->next().has_value());

  // Meanwhile another process has counted a replay of the same dead letter.
  transaction_->run_again(WallTime{});
  const Call<Write> again = run_to_write(DeadLetterState::replayed);
  const Changes& second = again.request().changes;
  EXPECT_TRUE(second.replayed.empty());
  EXPECT_EQ(second.ledgers.at(0).tallied, 1);
  EXPECT_EQ(second.ledgers.at(0).duplicate, 1);
  EXPECT_EQ(second.ledgers.at(0).read, 2);
  EXPECT_EQ(second.ledgers.at(0).observed.log_end_offset, 8);
  EXPECT_EQ(second.flush.value().page_view_count, 1);
}

TEST_F(ReplayFlush, CanRunAgainAfterItsDeadLettersCouldNotBeLocked) {
  next<Begin>().respond(std::vector{0});
  next<LockDeadLetters>().respond(fail(ErrorKind::unavailable, "store_away", "the store does not respond"));
  EXPECT_FALSE(transaction_->next().has_value());
  ASSERT_TRUE(transaction_->failure().has_value());
  EXPECT_EQ(transaction_->commits()[0].result, CommitResult::open);
  transaction_->run_again(WallTime{});
  EXPECT_EQ(run_to_write(DeadLetterState::waiting).request().changes.ledgers.at(0).tallied, 2);
}

}  // namespace
}  // namespace weir::commit
