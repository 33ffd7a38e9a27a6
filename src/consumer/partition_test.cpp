#include "consumer/partition.hpp"

#include <deque>

#include "simulation/oracle.hpp"

namespace weir::consumer {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr RecordTime noon{milliseconds{1'764'072'000'000}};

// A log of one partition, as Records hand it over.
class Log {
 public:
  std::int64_t add(const simulation::Told& told, RecordTime at = noon) {
    FakeRecord record = simulation::written_down(told, at);
    Stored& stored = stored_.emplace_back();
    stored.key = record.key;
    if (record.value) stored.value = *record.value + std::string(limits::json_slack_bytes, '\0');
    views_.push_back({.offset = next_, .time = at, .key = stored.key, .value = {}, .replay_source = {}});
    if (record.value) views_.back().value = std::string_view(stored.value).substr(0, record.value->size());
    return next_++;
  }
  void hole() { ++next_; }

  // All records from `offset` on, up to the end or to `to`.
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

PartitionRules rules() {
  return {.dedupe = {.window = seconds{600}, .records = 100}, .minute_retention = std::chrono::days{7}};
}

class PartitionTest : public testing::Test {
 protected:
  activity::Decoder decoder_;
  Log log_;
};

TEST_F(PartitionTest, AccountsForEveryOffset) {
  log_.add({.user = "anna", .at = noon});
  log_.hole();
  log_.add({.user = "anna", .message_id = "m", .at = noon});
  log_.add({.user = "anna", .message_id = "m", .at = noon});
  log_.add({.kind = simulation::Told::Kind::garbage});
  log_.hole();
  Partition partition(opened_at(0, 0), rules(), MonoTime{});
  partition.take(log_.from(0), decoder_);
  const commit::PendingBatch part = partition.close_part();
  EXPECT_EQ(part.counts.read, 4);
  EXPECT_EQ(part.counts.tallied, 2);
  EXPECT_EQ(part.counts.duplicate, 1);
  EXPECT_EQ(part.counts.dead_lettered, 1);
  EXPECT_EQ(part.counts.skipped, 2);
  EXPECT_TRUE(part.added_to(partition.ledger()).adds_up());
  EXPECT_EQ(part.next_offset, 6);
  EXPECT_EQ(part.last_record_hash, std::nullopt) << "no record stands right before next_offset";
}

TEST_F(PartitionTest, KnowsTheLastRecordByItsHash) {
  log_.add({.user = "anna", .at = noon});
  log_.add({.user = "bert", .at = noon});
  Partition partition(opened_at(0, 0), rules(), MonoTime{});
  partition.take(log_.from(0), decoder_);
  EXPECT_EQ(partition.close_part().last_record_hash, hash_of(log_.at(1)));
}

TEST_F(PartitionTest, SendsToTheDeadLettersWhatNobodyCanCount) {
  struct Case {
    simulation::Told told;
    std::string_view reason;
  };
  const std::array cases{
      Case{{.kind = simulation::Told::Kind::garbage}, "not_json"},
      Case{{.kind = simulation::Told::Kind::without_value}, "value_missing"},
      Case{{.user = "anna", .at = noon + std::chrono::hours{48} + milliseconds{1}}, "timestamp_ahead"},
      Case{{.user = "", .at = noon}, "user_id_invalid"},
      Case{{.user = "anna", .page = std::string(2049, 'x'), .at = noon}, "page_url_invalid"},
      Case{{.user = "anna", .page = std::string(70'000, 'x'), .at = noon}, "event_too_large"},
  };
  for (const Case& each : cases) log_.add(each.told);
  log_.add({.user = "anna", .at = noon + std::chrono::hours{48}});
  Partition partition(opened_at(0, 0), rules(), MonoTime{});
  partition.take(log_.from(0), decoder_);
  const commit::PendingBatch part = partition.close_part();
  ASSERT_EQ(part.dead_letters.size(), cases.size());
  for (std::size_t at = 0; at < cases.size(); ++at) {
    EXPECT_EQ(part.dead_letters[at].reason, cases[at].reason);
    EXPECT_EQ(part.dead_letters[at].offset, static_cast<std::int64_t>(at));
    EXPECT_FALSE(part.dead_letters[at].detail.empty());
  }
  EXPECT_EQ(part.dead_letters[1].value, std::nullopt);
  EXPECT_EQ(part.counts.tallied, 1);
}

TEST_F(PartitionTest, RemembersWhatWasCountedBeforeItWithoutCountingItAgain) {
  log_.add({.user = "anna", .message_id = "old", .at = noon});
  log_.add({.user = "anna", .at = noon});
  log_.add({.user = "anna", .message_id = "old", .at = noon});
  Partition partition(opened_at(2, 0), rules(), MonoTime{});
  EXPECT_TRUE(partition.catching_up());
  partition.take(log_.from(0, 2), decoder_);
  EXPECT_FALSE(partition.catching_up());
  EXPECT_TRUE(partition.open_part().empty());
  partition.take(log_.from(2), decoder_);
  EXPECT_EQ(partition.open_part().counts.read, 1);
  EXPECT_EQ(partition.open_part().counts.duplicate, 1);
}

TEST_F(PartitionTest, DoesNotTakeADeadLettersIdForSeen) {
  // A schema, say, had refused it then: the id must stay free for its replay.
  log_.add({.user = "anna", .message_id = "letter", .at = noon});
  log_.add({.user = "anna", .message_id = "letter", .at = noon});
  OpenedPartition opened = opened_at(1, 0);
  opened.letters = {0};
  Partition partition(std::move(opened), rules(), MonoTime{});
  partition.take(log_.from(0), decoder_);
  EXPECT_EQ(partition.open_part().counts.tallied, 1);
}

TEST_F(PartitionTest, CountsAGapAsSkippedThoughNothingComesBehindIt) {
  Partition partition(opened_at(5, 9), rules(), MonoTime{});
  EXPECT_EQ(partition.position(), 9);
  const commit::PendingBatch part = partition.close_part();
  EXPECT_EQ(part.counts.skipped, 4);
  EXPECT_EQ(part.next_offset, 9);
}

TEST_F(PartitionTest, CountsAGapBeforeTheLogsStartAsSkipped) {
  for (int i = 0; i < 5; ++i) log_.hole();
  log_.add({.user = "anna", .at = noon});
  Partition partition(opened_at(2, 5), rules(), MonoTime{});
  partition.take(log_.from(5), decoder_);
  EXPECT_EQ(partition.open_part().counts.skipped, 3);
  EXPECT_EQ(partition.open_part().counts.read, 1);
}

TEST_F(PartitionTest, JudgesARepeatedReadingAlike) {
  log_.add({.user = "anna", .message_id = "m", .at = noon});
  Partition partition(opened_at(0, 0), rules(), MonoTime{});
  partition.take(log_.from(0), decoder_);
  partition.take(log_.from(0), decoder_);  // the same records once more: they were taken
  EXPECT_EQ(partition.open_part().counts.read, 1);
}

TEST_F(PartitionTest, GathersTheNextPartWhileOneIsUnderWay) {
  log_.add({.user = "anna", .at = noon});
  Partition partition(opened_at(0, 0), rules(), MonoTime{});
  partition.take(log_.from(0), decoder_);
  const commit::PendingBatch first = partition.close_part();
  log_.add({.user = "bert", .at = noon});
  partition.take(log_.from(1), decoder_);
  EXPECT_EQ(partition.waiting().events, 2);
  EXPECT_EQ(partition.oldest_unread(), noon);

  tally::LedgerRow after = first.added_to(partition.ledger());
  after.version += 1;
  partition.advance_to(after);
  EXPECT_EQ(partition.waiting().events, 1);
  const commit::PendingBatch second = partition.close_part();
  EXPECT_EQ(second.added_to(partition.ledger()).next_offset, 2);
}

TEST_F(PartitionTest, HoldsASealedPartUpUntilItsLettersHaveTheirCopies) {
  log_.add({.kind = simulation::Told::Kind::garbage});
  log_.add({.user = "anna", .at = noon});
  PartitionRules copying = rules();
  copying.dlq_enabled = true;
  Partition partition(opened_at(0, 0), copying, MonoTime{});
  partition.take(log_.from(0), decoder_);
  EXPECT_EQ(partition.copies_to_send({}).size(), 1U);
  EXPECT_TRUE(partition.copies_to_send({}).empty()) << "it is under way";
  partition.seal();
  EXPECT_TRUE(partition.held_up());
  log_.add({.kind = simulation::Told::Kind::garbage});
  partition.take(log_.from(2), decoder_);
  partition.on_dlq_result(0, std::nullopt, MonoTime{});
  EXPECT_TRUE(partition.writable()) << "the next letter is another part's affair";
  EXPECT_EQ(partition.waiting().events, 3);
  const commit::PendingBatch first = partition.close_part();
  EXPECT_EQ(first.next_offset, 2);
  EXPECT_EQ(partition.waiting().dead_letters, 2U);
  tally::LedgerRow after = first.added_to(partition.ledger());
  after.version += 1;
  partition.advance_to(after);
  EXPECT_TRUE(partition.close_part().empty()) << "it is held up";
  EXPECT_EQ(partition.waiting().dead_letters, 1U);
}

TEST_F(PartitionTest, Fault40BeginsTheNextPartOnceOneHasAsManyRowsOrBytesAsAPartMay) {
  for (const commit::RowBounds& bounds :
       {commit::RowBounds{.rows = 12}, commit::RowBounds{.rows = 1000, .bytes = 6000}}) {
    Log log;
    for (int i = 0; i < 40; ++i) log.add({.page = "/" + std::to_string(i), .at = noon});
    PartitionRules small = rules();
    small.part = bounds;
    Partition partition(opened_at(0, 0), small, MonoTime{});
    partition.take(log.from(0), decoder_);
    EXPECT_TRUE(partition.has_full_part());
    std::int64_t read = 0;
    int parts = 0;
    for (; partition.has_unwritten(); ++parts) {
      const commit::PendingBatch part = partition.close_part();
      EXPECT_LT(part.rows(), bounds.rows + 4);
      EXPECT_LT(part.bytes(), bounds.bytes + 4000);
      tally::LedgerRow after = part.added_to(partition.ledger());
      ++after.version;
      EXPECT_TRUE(after.adds_up());
      EXPECT_EQ(after.last_record_hash, hash_of(log.at(static_cast<std::size_t>(after.next_offset) - 1)));
      read += part.counts.read;
      EXPECT_EQ(partition.waiting().events, 40 - read + part.counts.read) << "until it is in the store";
      partition.advance_to(after);
    }
    EXPECT_EQ(read, 40);
    EXPECT_GT(parts, 3);
  }
}

TEST_F(PartitionTest, ObservesWhatIsUnread) {
  log_.add({.user = "anna", .at = noon});
  log_.add({.user = "bert", .at = noon}, noon + seconds{5});
  Partition partition(opened_at(0, 0), rules(), MonoTime{});
  partition.take(log_.from(0, 1), decoder_);
  const WallTime now = noon + minutes{1};
  EXPECT_EQ(partition.observe(0, now), (tally::Observation{2, noon, now}));
  partition.take(log_.from(1), decoder_);
  EXPECT_EQ(partition.observe(2, now), (tally::Observation{2, std::nullopt, now}));
}

constexpr std::array steps{std::chrono::days{10}, std::chrono::days{1461}};

TEST_F(PartitionTest, Fault41ARecordFromTheFutureDoesNotMoveTheHorizonOfMinutes) {
  for (const std::chrono::days ahead : steps) {
    Log log;
    log.add({.user = "anna", .at = noon}, noon + ahead);
    Partition partition(opened_at(0, 0), rules(), MonoTime{});
    partition.take(log.from(0), decoder_, {.wall = noon, .settled = noon});
    EXPECT_EQ(partition.open_part().tally.minute_horizon(), std::nullopt);
    const auto& deltas = partition.open_part().tally.deltas();
    EXPECT_TRUE(std::ranges::any_of(
        deltas, [](const auto& delta) { return delta.granularity == tally::Granularity::minute; }));
  }
}

TEST_F(PartitionTest, Fault41AnEventThatIsLateByARightClockStillMovesIt) {
  log_.add({.user = "anna", .at = noon - std::chrono::days{8}});
  Partition partition(opened_at(0, 0), rules(), MonoTime{});
  partition.take(log_.from(0), decoder_, {.wall = noon, .settled = noon});
  EXPECT_NE(partition.open_part().tally.minute_horizon(), std::nullopt);
}

TEST_F(PartitionTest, Fault41ARecordFromTheFutureGetsOlderFromWhenItIsRead) {
  for (const std::chrono::days ahead : steps) {
    Log log;
    log.add({.user = "anna", .at = noon}, noon + ahead);
    Partition partition(opened_at(0, 0), rules(), MonoTime{});
    partition.take(log.from(0), decoder_, {.wall = noon + seconds{1}, .settled = noon + seconds{1}});
    EXPECT_EQ(partition.oldest_unread(), noon + seconds{1});
    EXPECT_EQ(partition.observe(0, noon + minutes{1}).oldest_unread_at, noon + seconds{1});
  }
}

TEST_F(PartitionTest, Fault41WhatIsUnreadKeepsItsAgeWhenTheClockIsStepped) {
  log_.add({.user = "anna", .at = noon});
  log_.add({.user = "bert", .at = noon}, noon + seconds{5});
  Partition partition(opened_at(0, 0), rules(), MonoTime{});
  partition.take(log_.from(0, 1), decoder_);
  (void)partition.close_part();
  partition.take(log_.from(1), decoder_);
  for (const std::chrono::days by : {std::chrono::days{-10}, std::chrono::days{10}, steps[1]}) {
    const auto before = partition.oldest_unread();
    partition.clock_stepped(by);
    EXPECT_EQ(partition.oldest_unread(), *before + by);
  }
}

TEST_F(PartitionTest, LetsAMinuteRestBeforeItIsRolledUp) {
  const MonoTime start{minutes{60}};
  const WindowStart first{minutes{1}};
  const WindowStart second{minutes{2}};
  OpenedPartition opened = opened_at(0, 0);
  opened.unrolled = {first, second};
  Partition partition(std::move(opened), rules(), start);
  EXPECT_TRUE(partition.quiet_minutes(start - seconds{1}, 9).empty());
  EXPECT_EQ(partition.quiet_minutes(start, 9), (std::vector{first, second}));
  EXPECT_EQ(partition.quiet_minutes(start, 1), std::vector{first});
  partition.touched(std::array{first}, start + seconds{30});
  EXPECT_EQ(partition.quiet_minutes(start, 9), std::vector{second});
  partition.rolled_up(std::array{second});
  EXPECT_TRUE(partition.quiet_minutes(start, 9).empty());
}

}  // namespace
}  // namespace weir::consumer
