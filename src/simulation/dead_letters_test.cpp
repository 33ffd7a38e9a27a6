// Dead letters, their copies and their replays on a simulated cluster: faults 24 and 25.
#include <gtest/gtest.h>

#include "simulation/cluster.hpp"

namespace weir::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class DeadLettersTest : public testing::Test {
 protected:
  explicit DeadLettersTest(bool dlq_enabled = false) : cluster_(settings(dlq_enabled)) {}

  static ClusterSettings settings(bool dlq_enabled) {
    return {.partitions = 2, .consumer = fast_settings(), .dlq_enabled = dlq_enabled};
  }

  void start() {
    process_ = cluster_.start_process();
    process_->log().assign({0, 1});
    process_->run_until_idle();
  }

  void append(std::int32_t partition = 0, std::optional<std::string> replay_of = {},
              std::optional<std::string> message_id = {}) {
    cluster_.append(partition, {.user = "anna",
                                .page = "/",
                                .message_id = std::move(message_id),
                                .at = cluster_.now().wall,
                                .replay_of = std::move(replay_of)});
  }
  void append_garbage(std::int32_t partition = 0, std::optional<std::string> replay_of = {}) {
    cluster_.append(partition,
                    {.kind = consumer::TestEvent::Kind::garbage, .replay_of = std::move(replay_of)});
  }

  void pass(milliseconds time) {
    for (milliseconds passed{0}; passed < time; passed += milliseconds{100}) {
      cluster_.advance(milliseconds{100});
      process_->run_until_idle();
    }
  }
  // Like pass(), but no copy is acknowledged.
  void pass_without_acknowledgement(milliseconds time) {
    for (milliseconds passed{0}; passed < time; passed += milliseconds{100}) {
      cluster_.advance(milliseconds{100});
      for (int i = 0; i < 3; ++i) {
        process_->run_iteration();
        while (process_->run_write_step()) {
        }
      }
    }
  }
  void set_copy_outcome(consumer::CopyOutcome outcome) {
    cluster_.dlq.outcome = [outcome] { return outcome; };
  }

  [[nodiscard]] consumer::Status status() const { return process_->consumer().status(); }
  [[nodiscard]] const tally::LedgerRow& ledger(std::int32_t partition = 0) const {
    return cluster_.database.ledgers.at(partition);
  }
  [[nodiscard]] const commit::FakeTables::DeadLetterRow& dead_letter(std::int32_t partition,
                                                                     std::int64_t offset) const {
    return cluster_.database.dead_letters.at({commit::FakeMetricsStore::topic, partition, offset});
  }

  SimulatedCluster cluster_;
  std::unique_ptr<SimulatedProcess> process_;
};

constexpr const char* first_dead_letter = "the-topic/0/0";

TEST_F(DeadLettersTest, AnInvalidRecordBecomesADeadLetterAndThePartitionContinues) {  // fault 24
  start();
  append_garbage();
  cluster_.append(0, {.kind = consumer::TestEvent::Kind::without_value});
  append();
  pass(seconds{3});
  EXPECT_EQ(ledger().next_offset, 3);
  EXPECT_EQ(ledger().dead_lettered, 2);
  EXPECT_EQ(ledger().tallied, 1);
  EXPECT_EQ(dead_letter(0, 0).dead_letter.reason, "not_json");
  EXPECT_EQ(dead_letter(0, 1).dead_letter.reason, "value_missing");
  EXPECT_EQ(cluster_.fault(), std::nullopt);
}

TEST_F(DeadLettersTest, ReplayedTwiceIsCountedOnce) {
  start();
  append_garbage();
  pass(seconds{3});
  append(0, first_dead_letter);
  append(0, first_dead_letter);  // in the same flush
  pass(seconds{3});
  append(1, first_dead_letter);  // later, in another partition
  pass(seconds{3});
  EXPECT_EQ(ledger(0).tallied, 1);
  EXPECT_EQ(ledger(0).duplicate, 1);
  EXPECT_EQ(ledger(1).duplicate, 1);
  EXPECT_TRUE(dead_letter(0, 0).replayed_at.has_value());
  EXPECT_EQ(dead_letter(0, 0).attempts, 1);
  EXPECT_EQ(cluster_.fault(), std::nullopt);
}

TEST_F(DeadLettersTest, AReplayThatFailsAddsAnAttemptToItsDeadLetterAndDoesNotLoop) {  // fault 25
  start();
  append_garbage();
  pass(seconds{3});
  for (int i = 0; i < 3; ++i) append_garbage(0, first_dead_letter);
  pass(seconds{3});
  append_garbage(1, first_dead_letter);
  pass(minutes{1});
  EXPECT_EQ(cluster_.database.dead_letters.size(), 1U);
  EXPECT_EQ(dead_letter(0, 0).attempts, 5);
  EXPECT_EQ(ledger(0).dead_lettered + ledger(1).dead_lettered, 5)
      << "each attempt counts as a dead letter once";
  EXPECT_EQ(cluster_.topic.bounds(0).end, 4) << "Weir appends no replay itself";
  EXPECT_FALSE(dead_letter(0, 0).replayed_at.has_value());
  append(0, first_dead_letter);
  pass(seconds{3});
  EXPECT_TRUE(dead_letter(0, 0).replayed_at.has_value());
  EXPECT_EQ(ledger(0).tallied, 1);
  EXPECT_EQ(cluster_.fault(), std::nullopt);
}

TEST_F(DeadLettersTest, AReplayCountsInEverythingThatAFlushWrites) {
  start();
  append_garbage();
  pass(seconds{3});
  append(0, first_dead_letter);
  cluster_.append(1, {.user = "bert", .page = "/b", .at = cluster_.now().wall});
  cluster_.append(
      0, {.user = "cleo", .at = cluster_.now().wall - std::chrono::days{2}, .replay_of = "the-topic/9/9"});
  pass(seconds{3});
  ASSERT_EQ(cluster_.database.flushes.size(), 1U);
  EXPECT_EQ(cluster_.database.flushes[0].unique_users, 3);
  EXPECT_EQ(cluster_.database.flushes[0].page_view_count, 3);
  EXPECT_NE(cluster_.database.pruned_to[0], WallTime{}) << "it is too old for its minute";
  pass(minutes{3});
  EXPECT_TRUE(cluster_.all_rolled_up());
  EXPECT_EQ(cluster_.fault(), std::nullopt);
}

TEST_F(DeadLettersTest, AReplayOfAnUnknownDeadLetterIsAnOrdinaryRecord) {
  start();
  append(0, "the-topic/1/77");
  append(0, "another-topic/0/0");
  append(0, "no id");
  append_garbage(0, "the-topic/1/77");
  append_garbage(0, "no id");
  pass(seconds{3});
  EXPECT_EQ(ledger().tallied, 3);
  EXPECT_EQ(ledger().dead_lettered, 2);
  EXPECT_EQ(cluster_.database.dead_letters.size(), 2U);
  EXPECT_EQ(dead_letter(0, 3).attempts, 1);
  EXPECT_EQ(cluster_.fault(), std::nullopt);
}

TEST_F(DeadLettersTest, AReplayThatIsADuplicateMarksItsDeadLetterAsReplayed) {
  start();
  append_garbage();
  append(0, {}, "m");
  pass(seconds{3});
  append(0, first_dead_letter, "m");
  pass(seconds{3});
  EXPECT_EQ(ledger().tallied, 1);
  EXPECT_EQ(ledger().duplicate, 1);
  EXPECT_TRUE(dead_letter(0, 0).replayed_at.has_value());
}

TEST_F(DeadLettersTest, TheDedupeRemembersAReplayAfterARestartUnlessItFailed) {
  start();
  append_garbage();
  pass(seconds{3});
  cluster_.append(0, {.kind = consumer::TestEvent::Kind::ahead,
                      .message_id = "late",
                      .at = cluster_.now().wall + std::chrono::hours{49},
                      .replay_of = first_dead_letter});
  append(0, first_dead_letter, "good");
  pass(seconds{3});
  start();
  append(0, {}, "good");
  cluster_.append(0, {.message_id = "late", .at = cluster_.now().wall});
  pass(seconds{3});
  EXPECT_EQ(ledger().tallied, 2);
  EXPECT_EQ(ledger().duplicate, 1);
  EXPECT_EQ(dead_letter(0, 0).attempts, 2);
  EXPECT_EQ(cluster_.fault(), std::nullopt);
}

TEST_F(DeadLettersTest, ADeadLetterThatIsReplayedBeforeItsRowIsWrittenCountsOnce) {
  start();
  append_garbage();
  append(0, first_dead_letter);
  append(0, first_dead_letter);
  pass(seconds{3});
  EXPECT_EQ(ledger().tallied, 1);
  EXPECT_EQ(ledger().duplicate, 1);
  EXPECT_TRUE(dead_letter(0, 0).replayed_at.has_value());
  EXPECT_EQ(cluster_.fault(), std::nullopt);
}

// With a dead letter topic.
class DlqTest : public DeadLettersTest {
 protected:
  DlqTest() : DeadLettersTest(true) {}
};

TEST_F(DlqTest, ADeadLetterIsCopiedBeforeTheOffsetMoves) {  // fault 24
  start();
  append_garbage();
  append();
  pass_without_acknowledgement(seconds{3});
  EXPECT_EQ(ledger().next_offset, 0);
  EXPECT_EQ(status().dlq_pending, 1);
  EXPECT_EQ(status().dlq_reason, "") << "nothing has failed";
  EXPECT_TRUE(process_->end_dlq_copy());
  pass_without_acknowledgement(milliseconds{300});  // it does not wait for the next interval
  EXPECT_EQ(ledger().next_offset, 2);
  EXPECT_EQ(status().dlq_pending, 0);
  ASSERT_EQ(cluster_.dlq.copies().size(), 1U);
  const consumer::DeadLetterTopic::Copy& copy = cluster_.dlq.copies()[0];
  EXPECT_EQ(commit::to_text(copy.source), first_dead_letter);
  EXPECT_EQ(copy.dead_letter.reason, "not_json");
  EXPECT_EQ(copy.dead_letter.value, "{]");
  EXPECT_NE(copy.dead_letter.at, WallTime{});
}

TEST_F(DlqTest, TheCopyOfAFailedReplayNamesItsDeadLetter) {
  start();
  append_garbage();
  append_garbage(0, first_dead_letter);
  append_garbage(0, "no id");
  pass(seconds{3});
  ASSERT_EQ(cluster_.dlq.copies().size(), 3U);
  EXPECT_EQ(commit::to_text(cluster_.dlq.copies()[1].source), first_dead_letter);
  EXPECT_EQ(commit::to_text(cluster_.dlq.copies()[2].source), "the-topic/0/2");
  EXPECT_EQ(cluster_.fault(), std::nullopt);
}

TEST_F(DlqTest, OnlyThePartitionThatWaitsForTheTopicStops) {  // fault 25
  start();
  set_copy_outcome(consumer::CopyOutcome::rejected);
  append_garbage(0);
  for (int i = 0; i < 400; ++i) append(0);
  for (int i = 0; i < 5; ++i) {
    append(1);
    pass(minutes{2});
  }
  EXPECT_EQ(ledger(0).next_offset, 0);
  EXPECT_EQ(ledger(1).tallied, 5);
  EXPECT_EQ(process_->log().paused(), std::set<std::int32_t>{0}) << "the backlog is bounded";
  EXPECT_LE(status().backlog_events, 60 / 4 + 7);
  EXPECT_FALSE(status().paused) << "only one partition is paused";
  EXPECT_EQ(status().dlq_pending, 1);
  const std::string reason =
      "waiting for the dead letter topic to acknowledge 1 dead letter: the fake dead letter topic does not "
      "answer";
  EXPECT_EQ(status().dlq_reason, "partition 0: " + reason);
  EXPECT_EQ(status().partitions.at(0).reason, reason);

  set_copy_outcome(consumer::CopyOutcome::written);
  pass(seconds{30});
  EXPECT_EQ(ledger(0).tallied, 400);
  EXPECT_EQ(status().dlq_reason, "");
  EXPECT_TRUE(process_->log().paused().empty());
  EXPECT_EQ(cluster_.fault(), std::nullopt);
}

TEST_F(DlqTest, CopiesAreRepeatedWithTheDelaysOfRetries) {
  start();
  int tries = 0;
  cluster_.dlq.outcome = [&] { return ++tries, consumer::CopyOutcome::acknowledgement_lost; };
  append_garbage();
  pass(seconds{60});
  EXPECT_GT(tries, 35);
  EXPECT_LT(tries, 45);  // 100, 400, then every 1,600 ms
  EXPECT_EQ(ledger().next_offset, 0);
  set_copy_outcome(consumer::CopyOutcome::written);
  pass(seconds{3});
  EXPECT_EQ(ledger().dead_lettered, 1) << "one dead letter, whatever the number of copies";
}

TEST_F(DlqTest, AStreamOfDeadLettersDelaysNoOtherRecord) {
  start();
  for (int i = 0; i < 100; ++i) {  // some copy is always in flight
    append_garbage();
    append();
    pass_without_acknowledgement(milliseconds{100});
    if (i > 2) {
      while (cluster_.dlq.copies().size() + 1 < static_cast<std::size_t>(i)) process_->end_dlq_copy();
    }
  }
  EXPECT_GT(ledger().next_offset, 150);
  EXPECT_FALSE(status().paused);
}

TEST_F(DlqTest, TheLagOfAPartitionThatWaitsIsObserved) {
  start();
  append_garbage();
  pass_without_acknowledgement(seconds{6});
  const WallTime first = ledger().observed.observed_at;
  append();
  pass_without_acknowledgement(seconds{6});
  EXPECT_GT(ledger().observed.observed_at, first);
  EXPECT_EQ(ledger().observed.log_end_offset, 2);
  EXPECT_EQ(ledger().observed.oldest_unread_at, cluster_.now().wall - seconds{12});
  EXPECT_EQ(ledger().next_offset, 0);
}

TEST_F(DlqTest, ARevokedPartitionThatWaitsIsReleasedUnwrittenInTime) {
  start();
  set_copy_outcome(consumer::CopyOutcome::rejected);
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

TEST_F(DlqTest, AResultForAnOlderGenerationIsIgnored) {
  start();
  append_garbage();
  append();
  pass_without_acknowledgement(seconds{2});
  process_->log().lose({0});
  process_->run_iteration();
  process_->log().assign({0});
  pass_without_acknowledgement(seconds{2});
  EXPECT_EQ(status().dlq_pending, 1);
  EXPECT_TRUE(process_->end_dlq_copy());  // of the first Partition object
  pass_without_acknowledgement(seconds{2});
  EXPECT_EQ(ledger().next_offset, 0);
  EXPECT_TRUE(process_->end_dlq_copy());
  pass_without_acknowledgement(seconds{2});
  EXPECT_EQ(ledger().next_offset, 2);
  EXPECT_EQ(cluster_.dlq.copies().size(), 2U) << "at least once";
}

TEST_F(DlqTest, ADrainWaitsForCopies) {
  start();
  append_garbage(0);
  append(1);
  process_->run_iteration();
  process_->consumer().stop();
  pass_without_acknowledgement(seconds{2});
  EXPECT_FALSE(process_->consumer().is_finished());
  EXPECT_EQ(ledger(1).tallied, 1);
  const MonoTime wake = process_->consumer().next_deadline(cluster_.now());
  EXPECT_GT(wake, cluster_.now().mono) << "a busy loop would return now";
  EXPECT_TRUE(process_->end_dlq_copy());
  pass_without_acknowledgement(milliseconds{100});
  EXPECT_TRUE(process_->consumer().is_finished());
  EXPECT_EQ(ledger(0).dead_lettered, 1);
}

}  // namespace
}  // namespace weir::simulation
