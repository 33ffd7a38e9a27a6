// The log is not as the ledger describes it: records deleted, recreated, or with more partitions (fault 27).
#include "consumer/start_at_latest.hpp"
#include "simulation/cluster.hpp"

namespace weir::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// One process that owns both partitions of a topic.
class OffsetGoneTest : public testing::Test {
 protected:
  void start(consumer::OnOffsetGone on_offset_gone, const commit::PlantedBugs& bugs = {}) {
    ClusterSettings settings{.partitions = 2, .consumer = fast_settings(), .store_bugs = bugs};
    settings.consumer.on_offset_gone = on_offset_gone;
    cluster_.emplace(settings);
    process_ = cluster_->start_process();
    process_->log().assign({0, 1});
    process_->run_until_idle();
  }

  void append(int events, std::int32_t partition) {
    for (int i = 0; i < events; ++i)
      cluster_->append(partition, {.user = "anna", .page = "/", .at = cluster_->now().wall});
  }

  void pass(milliseconds time) {
    for (milliseconds passed{0}; passed < time; passed += milliseconds{100}) {
      cluster_->advance(milliseconds{100});
      process_->run_until_idle();
    }
  }

  // Five events are counted. Twenty arrive while the partition is paused; the log keeps the last ten of them.
  void cut_log_while_paused() {
    append(5, 0);
    pass(seconds{3});
    process_->log().pause(0);
    append(20, 0);
    cluster_->cut_log(0, 15);
    process_->log().resume(0);
    append(3, 1);
    pass(seconds{5});
  }

  // As with Kafka: the partitions are lost while the topic does not exist, then assigned again.
  void recreate_topic() {
    cluster_->recreate_topic();
    process_->log().lose({0, 1});
    append(2, 0);
    process_->log().assign({0, 1});
    pass(seconds{5});
  }

  [[nodiscard]] consumer::Status status() const { return process_->consumer().status(); }
  [[nodiscard]] const tally::LedgerRow& ledger(std::int32_t partition) const {
    return cluster_->database.ledgers.at(partition);
  }
  [[nodiscard]] std::int64_t events_in_days() const {
    std::int64_t events = 0;
    for (const auto& [key, window] : cluster_->database.windows) {
      if (key.granularity == tally::Granularity::minute && key.dimension == tally::Dimension::total)
        events += window.row.events;
    }
    return events;
  }

  // Returns the partitions in state refused.
  [[nodiscard]] std::vector<std::int32_t> refused() {
    std::vector<std::int32_t> numbers;
    for (const consumer::PartitionStatus& held : status().partitions)
      if (held.state == consumer::PartitionStatus::State::refused) numbers.push_back(held.partition);
    return numbers;
  }

  std::optional<SimulatedCluster> cluster_;
  std::unique_ptr<SimulatedProcess> process_;
  bool ends_with_fault_ = false;

  // The store equals the oracle at the end of each test.
  void TearDown() override {
    if (ends_with_fault_) return;
    EXPECT_EQ(cluster_->fault().value_or("nothing"), "nothing");
  }
};

TEST_F(OffsetGoneTest, Fault27AnOffsetOutOfRangeStopsThatPartitionOnly) {
  start(consumer::OnOffsetGone::stop);
  cut_log_while_paused();
  EXPECT_EQ(status().offsets_out_of_range, 1);
  ASSERT_EQ(refused(), std::vector{0});
  const std::string reason = status().partitions.at(0).reason;
  EXPECT_NE(reason.find("offsets 5 to 14 are gone"), std::string::npos) << reason;
  EXPECT_EQ(ledger(0).next_offset, 5);
  EXPECT_EQ(ledger(1).tallied, 3);
  const std::vector<consumer::PartitionStatus> partitions = status().partitions;
  EXPECT_EQ(partitions.at(0).state, consumer::PartitionStatus::State::refused);
  EXPECT_EQ(partitions.at(1).state, consumer::PartitionStatus::State::live);
}

TEST_F(OffsetGoneTest, Fault27AnOffsetOutOfRangeCountsTheGapAsSkippedUnderEarliest) {
  start(consumer::OnOffsetGone::earliest);
  cut_log_while_paused();
  EXPECT_EQ(status().offsets_out_of_range, 1);
  EXPECT_TRUE(refused().empty());
  EXPECT_EQ(ledger(0).next_offset, 25);
  EXPECT_EQ(ledger(0).tallied, 15);
  EXPECT_EQ(ledger(0).skipped, 10);
  EXPECT_EQ(ledger(1).tallied, 3);
}

TEST_F(OffsetGoneTest, Fault27AGapIsCountedThoughNoRecordFollowsIt) {
  start(consumer::OnOffsetGone::earliest);
  process_->log().pause(0);
  append(20, 0);
  cluster_->cut_log(0, 20);
  process_->log().resume(0);
  pass(seconds{5});
  EXPECT_EQ(ledger(0).next_offset, 20);
  EXPECT_EQ(ledger(0).skipped, 20);
  EXPECT_EQ(status().partitions.at(0).ledger->lag(), 0);
}

TEST_F(OffsetGoneTest, Fault27ARecreatedTopicStopsThePartitionsThatWereCounted) {
  start(consumer::OnOffsetGone::stop);
  append(5, 0);
  pass(seconds{3});
  recreate_topic();
  EXPECT_EQ(refused(), std::vector{0}) << "partition 1 had no counted record";
  EXPECT_EQ(ledger(0).tallied, 5);
}

TEST_F(OffsetGoneTest, Fault27ARecreatedTopicGetsNewLedgerRowsUnderEarliest) {
  start(consumer::OnOffsetGone::earliest);
  append(5, 0);
  cluster_->append(0, {.kind = consumer::TestEvent::Kind::garbage});
  pass(seconds{3});
  recreate_topic();
  EXPECT_TRUE(refused().empty());
  EXPECT_EQ(ledger(0).start_offset, 0);
  EXPECT_EQ(ledger(0).tallied, 2);
  ASSERT_EQ(cluster_->database.archived.size(), 1U);
  const auto& [name, old] = *cluster_->database.archived.begin();
  EXPECT_TRUE(name.first.starts_with("the-topic~2025")) << name.first;
  EXPECT_EQ(old.tallied, 5);
  EXPECT_EQ(old.dead_lettered, 1);
  EXPECT_TRUE(cluster_->database.dead_letters.contains(commit::DeadLetterId{name.first, 0, 5}));
  EXPECT_EQ(events_in_days(), 7) << "windows are kept";
}

// The new log is longer than the old ledger row's offset: only the record at it shows that the log differs.
TEST_F(OffsetGoneTest, Fault27ARecreatedTopicIsDetectedByItsRecordsThoughItIsLonger) {
  start(consumer::OnOffsetGone::earliest);
  append(5, 0);
  pass(seconds{3});
  process_.reset();
  cluster_->recreate_topic();
  cluster_->advance(seconds{1});
  append(9, 0);
  process_ = cluster_->start_process();
  process_->log().assign({0, 1});
  pass(seconds{3});
  EXPECT_EQ(ledger(0).tallied, 9);
  EXPECT_EQ(cluster_->database.archived.size(), 1U);
}

// KAFKA_START=latest skipped five records of a log that is deleted before the first process starts.
TEST_F(OffsetGoneTest, Fault42ARecreatedTopicIsCountedFromItsStartThoughTheOldOneWasNot) {
  ends_with_fault_ = true;  // the oracle does not know the skipped records
  for (const consumer::OnOffsetGone on_offset_gone :
       {consumer::OnOffsetGone::stop, consumer::OnOffsetGone::earliest}) {
    ClusterSettings settings{.partitions = 2, .consumer = fast_settings()};
    settings.consumer.on_offset_gone = on_offset_gone;
    process_.reset();
    cluster_.emplace(settings);
    for (int i = 0; i < 5; ++i) cluster_->topic.append(0, consumer::make_record({}, cluster_->now().wall));
    consumer::FakeLogReader reader(cluster_->topic);
    commit::FakeMetricsStore session(cluster_->database, "the-group");
    ASSERT_TRUE(consumer::start_at_latest(reader, session, cluster_->now().wall));
    cluster_->recreate_topic();
    cluster_->advance(seconds{1});
    append(9, 0);
    process_ = cluster_->start_process();
    process_->log().assign({0, 1});
    pass(seconds{3});
    if (on_offset_gone == consumer::OnOffsetGone::stop) {
      EXPECT_EQ(refused(), std::vector{0});
      EXPECT_EQ(ledger(0).next_offset, 5) << "nothing is skipped";
    } else {
      EXPECT_EQ(ledger(0).tallied, 9);
      EXPECT_EQ(ledger(0).skipped, 0);
    }
  }
}

TEST_F(OffsetGoneTest, Fault27ALedgerRowIsArchivedOnceThoughTheStoreFails) {
  for (const commit::Fault fault :
       {commit::Fault::refused, commit::Fault::lost_before, commit::Fault::lost_after}) {
    start(consumer::OnOffsetGone::earliest);
    append(5, 0);
    pass(seconds{3});
    int left = 3;
    cluster_->database.faults = [&](commit::StoreStep step) {
      return step == commit::StoreStep::archive_ledger && left-- > 0 ? fault : commit::Fault::none;
    };
    recreate_topic();
    EXPECT_EQ(ledger(0).tallied, 2);
    EXPECT_EQ(cluster_->database.archived.size(), 1U) << "archived once, although results were lost";
  }
}

// Both processes have read the old row. One archives it and counts in the new row before the other archives
// it.
TEST_F(OffsetGoneTest, Fault27OfTwoProcessesThatArchiveARowTheFirstWins) {
  for (const bool unfenced : {false, true}) {
    start(consumer::OnOffsetGone::earliest, {.archive_unfenced = unfenced});
    append(5, 0);
    pass(seconds{3});
    process_.reset();
    cluster_->recreate_topic();
    append(2, 0);
    std::unique_ptr<SimulatedProcess> other = cluster_->start_process();
    bool archived = false;
    cluster_->database.faults = [&](commit::StoreStep step) {
      if (step != commit::StoreStep::archive_ledger || std::exchange(archived, true))
        return commit::Fault::none;
      cluster_->advance(seconds{2});  // so that the second archive has another name
      other->log().assign({0});
      for (int i = 0; i < 30; ++i) {
        cluster_->advance(milliseconds{100});
        other->run_until_idle();
      }
      return commit::Fault::none;
    };
    process_ = cluster_->start_process();
    process_->log().assign({0});
    process_->run_until_idle();
    other.reset();
    pass(seconds{3});
    if (unfenced) {
      ends_with_fault_ = true;
      EXPECT_NE(cluster_->fault(), std::nullopt) << "the planted bug must be found";
      continue;
    }
    EXPECT_EQ(cluster_->fault(), std::nullopt);
    EXPECT_EQ(ledger(0).tallied, 2);
    EXPECT_EQ(cluster_->database.archived.size(), 1U);
  }
}

TEST_F(OffsetGoneTest, Fault27AnAddedPartitionIsReadFromItsStart) {
  start(consumer::OnOffsetGone::stop);
  append(5, 0);
  pass(seconds{3});
  cluster_->topic.add_partition();
  append(4, 2);
  process_->log().assign({2});
  append(2, 0);
  pass(seconds{5});
  EXPECT_EQ(ledger(2).start_offset, 0);
  EXPECT_EQ(ledger(2).tallied, 4);
  EXPECT_EQ(ledger(0).tallied, 7);
}

}  // namespace
}  // namespace weir::simulation
