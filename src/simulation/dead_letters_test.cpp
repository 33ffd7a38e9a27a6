// Dead letters and their replays, through the whole machine: faults 24 and 25.
#include <gtest/gtest.h>

#include "simulation/cluster.hpp"

namespace weir::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class LettersTest : public testing::Test {
 protected:
  explicit LettersTest(bool copies = false) : world_(rules(copies)) {}

  static ClusterRules rules(bool copies) {
    return {.partitions = 2, .consumer = hurried_settings(), .copies = copies};
  }

  void start() {
    process_ = world_.start_process();
    process_->log().assign({0, 1});
    process_->settle();
  }

  void append(std::int32_t partition = 0, std::optional<std::string> replay_of = {},
              std::optional<std::string> message_id = {}) {
    world_.append(partition, {.user = "anna",
                              .page = "/",
                              .message_id = std::move(message_id),
                              .at = world_.now().wall,
                              .replay_of = std::move(replay_of)});
  }
  void append_garbage(std::int32_t partition = 0, std::optional<std::string> replay_of = {}) {
    world_.append(partition, {.kind = Told::Kind::garbage, .replay_of = std::move(replay_of)});
  }

  void pass(milliseconds time) {
    for (milliseconds passed{0}; passed < time; passed += milliseconds{100}) {
      world_.advance(milliseconds{100});
      process_->settle();
    }
  }
  // As pass(), but no copy ends.
  void pass_without_copies(milliseconds time) {
    for (milliseconds passed{0}; passed < time; passed += milliseconds{100}) {
      world_.advance(milliseconds{100});
      for (int i = 0; i < 3; ++i) {
        process_->run_turn();
        while (process_->take_write_step()) {
        }
      }
    }
  }
  void copies_are(consumer::CopyFate fate) {
    world_.letter_topic.fate = [fate] { return fate; };
  }

  [[nodiscard]] consumer::Status status() const { return process_->consumer().status(); }
  [[nodiscard]] const tally::LedgerRow& ledger(std::int32_t partition = 0) const {
    return world_.database.ledgers.at(partition);
  }
  [[nodiscard]] const commit::FakeTables::DeadLetterRow& letter(std::int32_t partition,
                                                                std::int64_t offset) const {
    return world_.database.dead_letters.at({commit::FakeMetricsStore::topic, partition, offset});
  }

  SimulatedCluster world_;
  std::unique_ptr<SimulatedProcess> process_;
};

constexpr const char* first_letter = "the-topic/0/0";

TEST_F(LettersTest, APoisonRecordBecomesALetterAndThePartitionMovesOn) {  // fault 24
  start();
  append_garbage();
  world_.append(0, {.kind = Told::Kind::without_value});
  append();
  pass(seconds{3});
  EXPECT_EQ(ledger().next_offset, 3);
  EXPECT_EQ(ledger().dead_lettered, 2);
  EXPECT_EQ(ledger().tallied, 1);
  EXPECT_EQ(letter(0, 0).dead_letter.reason, "not_json");
  EXPECT_EQ(letter(0, 1).dead_letter.reason, "value_missing");
  EXPECT_EQ(world_.fault(), std::nullopt);
}

TEST_F(LettersTest, ReplayedTwiceIsCountedOnce) {
  start();
  append_garbage();
  pass(seconds{3});
  append(0, first_letter);
  append(0, first_letter);  // in the same flush
  pass(seconds{3});
  append(1, first_letter);  // later, through another partition
  pass(seconds{3});
  EXPECT_EQ(ledger(0).tallied, 1);
  EXPECT_EQ(ledger(0).duplicate, 1);
  EXPECT_EQ(ledger(1).duplicate, 1);
  EXPECT_TRUE(letter(0, 0).replayed_at.has_value());
  EXPECT_EQ(letter(0, 0).attempts, 1);
  EXPECT_EQ(world_.fault(), std::nullopt);
}

TEST_F(LettersTest, AReplayThatIsStillBadAddsToTheAttemptsOfItsLetterAndDoesNotLoop) {  // fault 25
  start();
  append_garbage();
  pass(seconds{3});
  for (int i = 0; i < 3; ++i) append_garbage(0, first_letter);
  pass(seconds{3});
  append_garbage(1, first_letter);
  pass(minutes{1});
  EXPECT_EQ(world_.database.dead_letters.size(), 1U);
  EXPECT_EQ(letter(0, 0).attempts, 5);
  EXPECT_EQ(ledger(0).dead_lettered + ledger(1).dead_lettered, 5) << "each attempt is a dead letter once";
  EXPECT_EQ(world_.topic.bounds(0).end, 4) << "nobody sends it again by himself";
  EXPECT_FALSE(letter(0, 0).replayed_at.has_value());
  append(0, first_letter);
  pass(seconds{3});
  EXPECT_TRUE(letter(0, 0).replayed_at.has_value());
  EXPECT_EQ(ledger(0).tallied, 1);
  EXPECT_EQ(world_.fault(), std::nullopt);
}

TEST_F(LettersTest, AReplayCountsInAllThatAFlushWrites) {
  start();
  append_garbage();
  pass(seconds{3});
  append(0, first_letter);
  world_.append(1, {.user = "bert", .page = "/b", .at = world_.now().wall});
  world_.append(
      0, {.user = "cleo", .at = world_.now().wall - std::chrono::days{2}, .replay_of = "the-topic/9/9"});
  pass(seconds{3});
  ASSERT_EQ(world_.database.flushes.size(), 1U);
  EXPECT_EQ(world_.database.flushes[0].unique_users, 3);
  EXPECT_EQ(world_.database.flushes[0].page_view_count, 3);
  EXPECT_NE(world_.database.pruned_to[0], WallTime{}) << "too old for its minute, as any event may be";
  pass(minutes{3});
  EXPECT_TRUE(world_.all_rolled_up());
  EXPECT_EQ(world_.fault(), std::nullopt);
}

TEST_F(LettersTest, AReplayOfNoKnownLetterIsAnOrdinaryRecord) {
  start();
  append(0, "the-topic/1/77");
  append(0, "another-topic/0/0");
  append(0, "no place");
  append_garbage(0, "the-topic/1/77");
  append_garbage(0, "no place");
  pass(seconds{3});
  EXPECT_EQ(ledger().tallied, 3);
  EXPECT_EQ(ledger().dead_lettered, 2);
  EXPECT_EQ(world_.database.dead_letters.size(), 2U);
  EXPECT_EQ(letter(0, 3).attempts, 1);
  EXPECT_EQ(world_.fault(), std::nullopt);
}

TEST_F(LettersTest, AReplayWhoseEventWasSeenMarksItsLetterAllTheSame) {
  start();
  append_garbage();
  append(0, {}, "m");
  pass(seconds{3});
  append(0, first_letter, "m");
  pass(seconds{3});
  EXPECT_EQ(ledger().tallied, 1);
  EXPECT_EQ(ledger().duplicate, 1);
  EXPECT_TRUE(letter(0, 0).replayed_at.has_value());
}

TEST_F(LettersTest, AReplayIsRememberedByTheDedupeAfterARestartUnlessItWasStillBad) {
  start();
  append_garbage();
  pass(seconds{3});
  world_.append(0, {.kind = Told::Kind::ahead,
                    .message_id = "late",
                    .at = world_.now().wall + std::chrono::hours{49},
                    .replay_of = first_letter});
  append(0, first_letter, "good");
  pass(seconds{3});
  start();
  append(0, {}, "good");
  world_.append(0, {.message_id = "late", .at = world_.now().wall});
  pass(seconds{3});
  EXPECT_EQ(ledger().tallied, 2);
  EXPECT_EQ(ledger().duplicate, 1);
  EXPECT_EQ(letter(0, 0).attempts, 2);
  EXPECT_EQ(world_.fault(), std::nullopt);
}

TEST_F(LettersTest, ALetterReplayedBeforeItsRowIsWrittenCountsOnce) {
  start();
  append_garbage();
  append(0, first_letter);
  append(0, first_letter);
  pass(seconds{3});
  EXPECT_EQ(ledger().tallied, 1);
  EXPECT_EQ(ledger().duplicate, 1);
  EXPECT_TRUE(letter(0, 0).replayed_at.has_value());
  EXPECT_EQ(world_.fault(), std::nullopt);
}

// With a topic for copies.
class LetterCopiesTest : public LettersTest {
 protected:
  LetterCopiesTest() : LettersTest(true) {}
};

TEST_F(LetterCopiesTest, ALetterIsCopiedBeforeTheOffsetMoves) {  // fault 24
  start();
  append_garbage();
  append();
  pass_without_copies(seconds{3});
  EXPECT_EQ(ledger().next_offset, 0);
  EXPECT_EQ(status().dlq_pending, 1);
  EXPECT_EQ(status().dlq_reason, "") << "nothing has failed";
  EXPECT_TRUE(process_->take_copy_step());
  pass_without_copies(milliseconds{300});  // it does not wait for the next interval
  EXPECT_EQ(ledger().next_offset, 2);
  EXPECT_EQ(status().dlq_pending, 0);
  ASSERT_EQ(world_.letter_topic.copies().size(), 1U);
  const consumer::DeadLetterTopic::Copy& copy = world_.letter_topic.copies()[0];
  EXPECT_EQ(commit::to_text(copy.source), first_letter);
  EXPECT_EQ(copy.dead_letter.reason, "not_json");
  EXPECT_EQ(copy.dead_letter.value, "{]");
  EXPECT_NE(copy.dead_letter.at, WallTime{});
}

TEST_F(LetterCopiesTest, ACopyOfAReplayThatIsStillBadNamesItsLetter) {
  start();
  append_garbage();
  append_garbage(0, first_letter);
  append_garbage(0, "no place");
  pass(seconds{3});
  ASSERT_EQ(world_.letter_topic.copies().size(), 3U);
  EXPECT_EQ(commit::to_text(world_.letter_topic.copies()[1].source), first_letter);
  EXPECT_EQ(commit::to_text(world_.letter_topic.copies()[2].source), "the-topic/0/2");
  EXPECT_EQ(world_.fault(), std::nullopt);
}

TEST_F(LetterCopiesTest, WhileTheirTopicIsAwayThatPartitionWaitsAndTheOthersGoOn) {  // fault 25
  start();
  copies_are(consumer::CopyFate::refused);
  append_garbage(0);
  for (int i = 0; i < 400; ++i) append(0);
  for (int i = 0; i < 5; ++i) {
    append(1);
    pass(minutes{2});
  }
  EXPECT_EQ(ledger(0).next_offset, 0);
  EXPECT_EQ(ledger(1).tallied, 5);
  EXPECT_EQ(process_->log().paused(), std::set<std::int32_t>{0}) << "memory is bounded";
  EXPECT_LE(status().backlog_events, 60 / 4 + 7);
  EXPECT_FALSE(status().paused) << "that is said of the whole process only";
  EXPECT_EQ(status().dlq_pending, 1);
  EXPECT_EQ(status().dlq_reason,
            "partition 0: it waits for the copies of its dead letters (1): the fake topic for copies does "
            "not answer");
  EXPECT_EQ(status().partitions.at(0).reason,
            "it waits for the copies of its dead letters (1): the fake topic for copies does not answer");

  copies_are(consumer::CopyFate::kept);
  pass(seconds{30});
  EXPECT_EQ(ledger(0).tallied, 400);
  EXPECT_EQ(status().dlq_reason, "");
  EXPECT_TRUE(process_->log().paused().empty());
  EXPECT_EQ(world_.fault(), std::nullopt);
}

TEST_F(LetterCopiesTest, AreSentAgainNoMoreOftenThanEverythingElse) {
  start();
  int tries = 0;
  world_.letter_topic.fate = [&] { return ++tries, consumer::CopyFate::answer_lost; };
  append_garbage();
  pass(seconds{60});
  EXPECT_GT(tries, 35);
  EXPECT_LT(tries, 45);  // 100, 400, then every 1,600 ms
  EXPECT_EQ(ledger().next_offset, 0);
  copies_are(consumer::CopyFate::kept);
  pass(seconds{3});
  EXPECT_EQ(ledger().dead_lettered, 1) << "one letter, however many copies";
}

TEST_F(LetterCopiesTest, AStreamOfLettersStarvesNobody) {
  start();
  for (int i = 0; i < 100; ++i) {  // at each moment some copy is under way
    append_garbage();
    append();
    pass_without_copies(milliseconds{100});
    if (i > 2) {
      while (world_.letter_topic.copies().size() + 1 < static_cast<std::size_t>(i))
        process_->take_copy_step();
    }
  }
  EXPECT_GT(ledger().next_offset, 150);
  EXPECT_FALSE(status().paused);
}

TEST_F(LetterCopiesTest, TellsTheLagOfAPartitionThatWaits) {
  start();
  append_garbage();
  pass_without_copies(seconds{6});
  const WallTime first = ledger().observed.observed_at;
  append();
  pass_without_copies(seconds{6});
  EXPECT_GT(ledger().observed.observed_at, first);
  EXPECT_EQ(ledger().observed.log_end_offset, 2);
  EXPECT_EQ(ledger().observed.oldest_unread_at, world_.now().wall - seconds{12});
  EXPECT_EQ(ledger().next_offset, 0);
}

TEST_F(LetterCopiesTest, APartitionThatWaitsIsGivenBackUnwrittenInTime) {
  start();
  copies_are(consumer::CopyFate::refused);
  append_garbage();
  append();
  pass(seconds{2});
  process_->log().revoke({0});
  pass(milliseconds{4800});
  EXPECT_EQ(process_->log().owned(), (std::set<std::int32_t>{0, 1}));
  pass(milliseconds{400});
  EXPECT_EQ(process_->log().owned(), std::set<std::int32_t>{1});
  EXPECT_EQ(ledger().next_offset, 0);
}

TEST_F(LetterCopiesTest, AnAnswerToAnObjectThatIsGoneMeansNothing) {
  start();
  append_garbage();
  append();
  pass_without_copies(seconds{2});
  process_->log().lose({0});
  process_->run_turn();
  process_->log().assign({0});
  pass_without_copies(seconds{2});
  EXPECT_EQ(status().dlq_pending, 1);
  EXPECT_TRUE(process_->take_copy_step());  // the first object's
  pass_without_copies(seconds{2});
  EXPECT_EQ(ledger().next_offset, 0);
  EXPECT_TRUE(process_->take_copy_step());
  pass_without_copies(seconds{2});
  EXPECT_EQ(ledger().next_offset, 2);
  EXPECT_EQ(world_.letter_topic.copies().size(), 2U) << "at least once";
}

TEST_F(LetterCopiesTest, ADrainWaitsForThem) {
  start();
  append_garbage(0);
  append(1);
  process_->run_turn();
  process_->consumer().stop();
  pass_without_copies(seconds{2});
  EXPECT_FALSE(process_->consumer().finished());
  EXPECT_EQ(ledger(1).tallied, 1);
  const MonoTime wake = process_->consumer().next_deadline(world_.now());
  EXPECT_GT(wake, world_.now().mono) << "it waits, it does not spin";
  EXPECT_TRUE(process_->take_copy_step());
  pass_without_copies(milliseconds{100});
  EXPECT_TRUE(process_->consumer().finished());
  EXPECT_EQ(ledger(0).dead_lettered, 1);
}

}  // namespace
}  // namespace weir::simulation
