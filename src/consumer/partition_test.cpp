#include "consumer/partition.hpp"

#include <deque>

#include "consumer/testing/test_event.hpp"

namespace weir::consumer {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr RecordTime noon{milliseconds{1'764'072'000'000}};

// The log of one partition, in the form of Records.
class Log {
 public:
  std::int64_t add(const TestEvent& event, RecordTime at = noon) {
    FakeRecord record = make_record(event, at);
    Stored& stored = stored_.emplace_back();
    stored.key = record.key;
    if (record.value) stored.value = *record.value + std::string(limits::json_slack_bytes, '\0');
    views_.push_back({.offset = next_, .time = at, .key = stored.key, .value = {}, .replay_source = {}});
    stored.replay_source = event.replay_of;
    if (stored.replay_source) views_.back().replay_source = *stored.replay_source;
    if (record.value) views_.back().value = std::string_view(stored.value).substr(0, record.value->size());
    return next_++;
  }
  void hole() { ++next_; }

  // Returns the records from `offset` to the end, or to `to`.
  [[nodiscard]] Records from(std::int64_t offset, std::optional<std::int64_t> to = {}) {
    const std::int64_t end = to.value_or(next_);
    chosen_.clear();
    for (const RecordView& view : views_) {
      if (view.offset >= offset && view.offset < end) chosen_.push_back(view);
    }
    return {.partition = 0, .records = chosen_, .next_offset = end, .log_end = next_};
  }
  [[nodiscard]] const RecordView& at(std::size_t index) const { return views_[index]; }

 private:
  struct Stored {
    std::string key;
    std::string value;
    std::optional<std::string> replay_source;
  };
  std::deque<Stored> stored_;
  std::vector<RecordView> views_;
  std::vector<RecordView> chosen_;
  std::int64_t next_ = 0;
};

OpenedPartition opened_at(std::int64_t next_offset, std::int64_t read_from) {
  OpenedPartition opened;
  opened.ledger.next_offset = opened.ledger.read = opened.ledger.tallied = next_offset;
  opened.read_from = read_from;
  return opened;
}

PartitionSettings settings() {
  return {.dedupe = {.window = seconds{600}, .records = 100}, .minute_retention = std::chrono::days{7}};
}

class PartitionTest : public testing::Test {
 protected:
  activity::Decoder decoder_;
  Log log_;
};

TEST_F(PartitionTest, CountsEveryOffsetOnce) {
  log_.add({.user = "anna", .at = noon});
  log_.hole();
  log_.add({.user = "anna", .message_id = "m", .at = noon});
  log_.add({.user = "anna", .message_id = "m", .at = noon});
  log_.add({.kind = TestEvent::Kind::garbage});
  log_.hole();
  Partition partition(opened_at(0, 0), settings(), MonoTime{});
  partition.process(log_.from(0), decoder_);
  const commit::PendingBatch batch = partition.take_batch();
  EXPECT_EQ(batch.counts.read, 4);
  EXPECT_EQ(batch.counts.tallied, 2);
  EXPECT_EQ(batch.counts.duplicate, 1);
  EXPECT_EQ(batch.counts.dead_lettered, 1);
  EXPECT_EQ(batch.counts.skipped, 2);
  EXPECT_TRUE(batch.added_to(partition.ledger()).adds_up());
  EXPECT_EQ(batch.next_offset, 6);
  EXPECT_EQ(batch.last_record_hash, std::nullopt) << "there is no record at next_offset − 1";
}

TEST_F(PartitionTest, RemembersTheHashOfTheLastRecord) {
  log_.add({.user = "anna", .at = noon});
  log_.add({.user = "bert", .at = noon});
  Partition partition(opened_at(0, 0), settings(), MonoTime{});
  partition.process(log_.from(0), decoder_);
  EXPECT_EQ(partition.take_batch().last_record_hash, hash_of(log_.at(1)));
}

TEST_F(PartitionTest, RejectsInvalidRecordsAsDeadLetters) {
  struct Case {
    TestEvent event;
    std::string_view reason;
  };
  const std::array cases{
      Case{{.kind = TestEvent::Kind::garbage}, "not_json"},
      Case{{.kind = TestEvent::Kind::without_value}, "value_missing"},
      Case{{.user = "anna", .at = noon + std::chrono::hours{48} + milliseconds{1}}, "timestamp_ahead"},
      Case{{.user = "", .at = noon}, "user_id_invalid"},
      Case{{.user = "anna", .page = std::string(2049, 'x'), .at = noon}, "page_url_invalid"},
      Case{{.user = "anna", .page = std::string(70'000, 'x'), .at = noon}, "event_too_large"},
  };
  for (const Case& each : cases) log_.add(each.event);
  log_.add({.user = "anna", .at = noon + std::chrono::hours{48}});
  Partition partition(opened_at(0, 0), settings(), MonoTime{});
  partition.process(log_.from(0), decoder_);
  const commit::PendingBatch batch = partition.take_batch();
  ASSERT_EQ(batch.dead_letters.size(), cases.size());
  for (std::size_t at = 0; at < cases.size(); ++at) {
    EXPECT_EQ(batch.dead_letters[at].reason, cases[at].reason);
    EXPECT_EQ(batch.dead_letters[at].offset, static_cast<std::int64_t>(at));
    EXPECT_FALSE(batch.dead_letters[at].detail.empty());
  }
  EXPECT_EQ(batch.dead_letters[1].value, std::nullopt);
  EXPECT_EQ(batch.counts.tallied, 1);
}

TEST_F(PartitionTest, RebuildsTheDedupeFromCountedRecordsWithoutCountingThemAgain) {
  log_.add({.user = "anna", .message_id = "old", .at = noon});
  log_.add({.user = "anna", .at = noon});
  log_.add({.user = "anna", .message_id = "old", .at = noon});
  Partition partition(opened_at(2, 0), settings(), MonoTime{});
  EXPECT_TRUE(partition.is_catching_up());
  partition.process(log_.from(0, 2), decoder_);
  EXPECT_FALSE(partition.is_catching_up());
  EXPECT_TRUE(partition.open_batch().empty());
  partition.process(log_.from(2), decoder_);
  EXPECT_EQ(partition.open_batch().counts.read, 1);
  EXPECT_EQ(partition.open_batch().counts.duplicate, 1);
}

TEST_F(PartitionTest, DoesNotRememberTheMessageIdOfADeadLetter) {
  // An older rule rejected it. Its replay must not be a duplicate.
  log_.add({.user = "anna", .message_id = "letter", .at = noon});
  log_.add({.user = "anna", .message_id = "letter", .at = noon});
  OpenedPartition opened = opened_at(1, 0);
  opened.dead_letters = {0};
  Partition partition(std::move(opened), settings(), MonoTime{});
  partition.process(log_.from(0), decoder_);
  EXPECT_EQ(partition.open_batch().counts.tallied, 1);
}

TEST_F(PartitionTest, DoesNotRememberTheMessageIdOfAReplayThatFailedByAnOlderRule) {
  log_.add({.user = "anna", .message_id = "failed", .at = noon, .replay_of = "events/3/7"});
  log_.add({.user = "anna", .message_id = "counted", .at = noon, .replay_of = "events/3/8"});
  log_.add({.user = "anna", .message_id = "failed", .at = noon});
  log_.add({.user = "anna", .message_id = "counted", .at = noon});
  OpenedPartition opened = opened_at(2, 0);
  opened.failed_replays = {{"events", 3, 6}, {"events", 3, 7}, {"events", 4, 8}};
  Partition partition(std::move(opened), settings(), MonoTime{});
  partition.process(log_.from(0), decoder_);
  EXPECT_EQ(partition.open_batch().counts.tallied, 1);
  EXPECT_EQ(partition.open_batch().counts.duplicate, 1);
}

TEST_F(PartitionTest, CountsAGapAsSkippedThoughNoRecordFollows) {
  Partition partition(opened_at(5, 9), settings(), MonoTime{});
  EXPECT_EQ(partition.position(), 9);
  const commit::PendingBatch batch = partition.take_batch();
  EXPECT_EQ(batch.counts.skipped, 4);
  EXPECT_EQ(batch.next_offset, 9);
}

TEST_F(PartitionTest, CountsAGapBeforeTheLogsStartAsSkipped) {
  for (int i = 0; i < 5; ++i) log_.hole();
  log_.add({.user = "anna", .at = noon});
  Partition partition(opened_at(2, 5), settings(), MonoTime{});
  partition.process(log_.from(5), decoder_);
  EXPECT_EQ(partition.open_batch().counts.skipped, 3);
  EXPECT_EQ(partition.open_batch().counts.read, 1);
}

TEST_F(PartitionTest, IgnoresRecordsThatItHasProcessed) {
  log_.add({.user = "anna", .message_id = "m", .at = noon});
  Partition partition(opened_at(0, 0), settings(), MonoTime{});
  partition.process(log_.from(0), decoder_);
  partition.process(log_.from(0), decoder_);  // the same records again
  EXPECT_EQ(partition.open_batch().counts.read, 1);
}

TEST_F(PartitionTest, GathersTheNextBatchWhileOneIsInATransaction) {
  log_.add({.user = "anna", .at = noon});
  Partition partition(opened_at(0, 0), settings(), MonoTime{});
  partition.process(log_.from(0), decoder_);
  const commit::PendingBatch first = partition.take_batch();
  log_.add({.user = "bert", .at = noon});
  partition.process(log_.from(1), decoder_);
  EXPECT_EQ(partition.backlog().events, 2);
  EXPECT_EQ(partition.oldest_unread_at(), noon);

  tally::LedgerRow after = first.added_to(partition.ledger());
  after.version += 1;
  partition.on_committed(after);
  EXPECT_EQ(partition.backlog().events, 1);
  const commit::PendingBatch second = partition.take_batch();
  EXPECT_EQ(second.added_to(partition.ledger()).next_offset, 2);
}

TEST_F(PartitionTest, KeepsASealedBatchUntilItsDeadLettersHaveTheirCopies) {
  log_.add({.kind = TestEvent::Kind::garbage});
  log_.add({.user = "anna", .at = noon});
  PartitionSettings with_dlq = settings();
  with_dlq.dlq_enabled = true;
  Partition partition(opened_at(0, 0), with_dlq, MonoTime{});
  partition.process(log_.from(0), decoder_);
  EXPECT_EQ(partition.take_dlq_copies({}).size(), 1U);
  EXPECT_TRUE(partition.take_dlq_copies({}).empty()) << "the copy is in flight";
  partition.seal_open_batch();
  EXPECT_TRUE(partition.waits_for_dlq());
  log_.add({.kind = TestEvent::Kind::garbage});
  partition.process(log_.from(2), decoder_);
  partition.on_dlq_result(0, std::nullopt, MonoTime{});
  EXPECT_TRUE(partition.has_writable_batch()) << "the later dead letter is in the next batch";
  EXPECT_EQ(partition.backlog().events, 3);
  const commit::PendingBatch first = partition.take_batch();
  EXPECT_EQ(first.next_offset, 2);
  EXPECT_EQ(partition.backlog().dead_letters, 2U);
  tally::LedgerRow after = first.added_to(partition.ledger());
  after.version += 1;
  partition.on_committed(after);
  EXPECT_TRUE(partition.take_batch().empty()) << "it waits for the dead letter topic";
  EXPECT_EQ(partition.backlog().dead_letters, 1U);
}

TEST_F(PartitionTest, Fault40SealsABatchAtItsMaximumOfRowsOrBytes) {
  for (const commit::RowBounds& bounds :
       {commit::RowBounds{.rows = 12}, commit::RowBounds{.rows = 1000, .bytes = 6000}}) {
    Log log;
    for (int i = 0; i < 40; ++i) log.add({.page = "/" + std::to_string(i), .at = noon});
    PartitionSettings small = settings();
    small.batch = bounds;
    Partition partition(opened_at(0, 0), small, MonoTime{});
    partition.process(log.from(0), decoder_);
    EXPECT_TRUE(partition.has_full_batch());
    std::int64_t read = 0;
    int batches = 0;
    for (; partition.has_unwritten(); ++batches) {
      const commit::PendingBatch batch = partition.take_batch();
      EXPECT_LT(batch.rows(), bounds.rows + 4);
      EXPECT_LT(batch.bytes(), bounds.bytes + 4000);
      tally::LedgerRow after = batch.added_to(partition.ledger());
      ++after.version;
      EXPECT_TRUE(after.adds_up());
      EXPECT_EQ(after.last_record_hash, hash_of(log.at(static_cast<std::size_t>(after.next_offset) - 1)));
      read += batch.counts.read;
      EXPECT_EQ(partition.backlog().events, 40 - read + batch.counts.read)
          << "events count until on_committed()";
      partition.on_committed(after);
    }
    EXPECT_EQ(read, 40);
    EXPECT_GT(batches, 3);
  }
}

TEST_F(PartitionTest, ObservesTheEndOfTheLogAndTheOldestUnreadRecord) {
  log_.add({.user = "anna", .at = noon});
  log_.add({.user = "bert", .at = noon}, noon + seconds{5});
  Partition partition(opened_at(0, 0), settings(), MonoTime{});
  partition.process(log_.from(0, 1), decoder_);
  const WallTime now = noon + minutes{1};
  EXPECT_EQ(partition.observation_at(0, now), (tally::Observation{2, noon, now}));
  partition.process(log_.from(1), decoder_);
  EXPECT_EQ(partition.observation_at(2, now), (tally::Observation{2, std::nullopt, now}));
}

constexpr std::array steps{std::chrono::days{10}, std::chrono::days{1461}};

TEST_F(PartitionTest, Fault41ARecordFromTheFutureDoesNotMoveTheHorizonOfMinutes) {
  for (const std::chrono::days ahead : steps) {
    Log log;
    log.add({.user = "anna", .at = noon}, noon + ahead);
    Partition partition(opened_at(0, 0), settings(), MonoTime{});
    partition.process(log.from(0), decoder_, {.wall = noon, .settled = noon});
    EXPECT_EQ(partition.open_batch().tally.minute_horizon(), std::nullopt);
    const auto& deltas = partition.open_batch().tally.deltas();
    EXPECT_TRUE(std::ranges::any_of(
        deltas, [](const auto& delta) { return delta.granularity == tally::Granularity::minute; }));
  }
}

TEST_F(PartitionTest, Fault41AnEventThatIsLateByACorrectClockMovesTheHorizon) {
  log_.add({.user = "anna", .at = noon - std::chrono::days{8}});
  Partition partition(opened_at(0, 0), settings(), MonoTime{});
  partition.process(log_.from(0), decoder_, {.wall = noon, .settled = noon});
  EXPECT_NE(partition.open_batch().tally.minute_horizon(), std::nullopt);
}

TEST_F(PartitionTest, Fault41TheAgeOfARecordFromTheFutureStartsWhenItIsRead) {
  for (const std::chrono::days ahead : steps) {
    Log log;
    log.add({.user = "anna", .at = noon}, noon + ahead);
    Partition partition(opened_at(0, 0), settings(), MonoTime{});
    partition.process(log.from(0), decoder_, {.wall = noon + seconds{1}, .settled = noon + seconds{1}});
    EXPECT_EQ(partition.oldest_unread_at(), noon + seconds{1});
    EXPECT_EQ(partition.observation_at(0, noon + minutes{1}).oldest_unread_at, noon + seconds{1});
  }
}

TEST_F(PartitionTest, Fault41UnreadRecordsKeepTheirAgeWhenTheClockIsStepped) {
  log_.add({.user = "anna", .at = noon});
  log_.add({.user = "bert", .at = noon}, noon + seconds{5});
  Partition partition(opened_at(0, 0), settings(), MonoTime{});
  partition.process(log_.from(0, 1), decoder_);
  (void)partition.take_batch();
  partition.process(log_.from(1), decoder_);
  for (const std::chrono::days by : {std::chrono::days{-10}, std::chrono::days{10}, steps[1]}) {
    const auto before = partition.oldest_unread_at();
    partition.on_clock_step(by);
    EXPECT_EQ(partition.oldest_unread_at(), *before + by);
  }
}

TEST_F(PartitionTest, ReturnsMinutesThatWereNotWrittenForAWhile) {
  const MonoTime start{minutes{60}};
  const WindowStart first{minutes{1}};
  const WindowStart second{minutes{2}};
  OpenedPartition opened = opened_at(0, 0);
  opened.pending_rollups = {first, second};
  Partition partition(std::move(opened), settings(), start);
  EXPECT_TRUE(partition.quiet_minutes(start - seconds{1}, 9).empty());
  EXPECT_EQ(partition.quiet_minutes(start, 9), (std::vector{first, second}));
  EXPECT_EQ(partition.quiet_minutes(start, 1), std::vector{first});
  partition.on_minutes_written(std::array{first}, start + seconds{30});
  EXPECT_EQ(partition.quiet_minutes(start, 9), std::vector{second});
  partition.on_minutes_rolled_up(std::array{second});
  EXPECT_TRUE(partition.quiet_minutes(start, 9).empty());
}

}  // namespace
}  // namespace weir::consumer
