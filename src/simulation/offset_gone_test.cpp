// When the log is not what the ledger says: cut off, made anew, or with more partitions (faults.md, 27).
#include "consumer/start_at_latest.hpp"
#include "simulation/cluster.hpp"

namespace weir::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// One process that holds both partitions of a topic.
class OffsetGone : public testing::Test {
 protected:
  void under(consumer::OnOffsetGone rule, const commit::PlantedBugs& bugs = {}) {
    ClusterRules rules{.partitions = 2, .consumer = hurried_settings(), .store_bugs = bugs};
    rules.consumer.on_offset_gone = rule;
    world_.emplace(rules);
    process_ = world_->start_process();
    process_->log().assign({0, 1});
    process_->settle();
  }

  void append(int events, std::int32_t partition) {
    for (int i = 0; i < events; ++i)
      world_->append(partition, {.user = "anna", .page = "/", .at = world_->now().wall});
  }

  void pass(milliseconds time) {
    for (milliseconds passed{0}; passed < time; passed += milliseconds{100}) {
      world_->advance(milliseconds{100});
      process_->settle();
    }
  }

  // Five events are counted, twenty come while reading stands still, and the log keeps the last ten of them.
  void cut_off_while_reading() {
    append(5, 0);
    pass(seconds{3});
    process_->log().pause(0);
    append(20, 0);
    world_->cut_log(0, 15);
    process_->log().resume(0);
    append(3, 1);
    pass(seconds{5});
  }

  // As Kafka tells it: the partitions are lost while there is no topic, and given again.
  void make_topic_anew() {
    world_->make_topic_anew();
    process_->log().lose({0, 1});
    append(2, 0);
    process_->log().assign({0, 1});
    pass(seconds{5});
  }

  [[nodiscard]] consumer::Status status() const { return process_->consumer().status(); }
  [[nodiscard]] const tally::LedgerRow& ledger(std::int32_t partition) const {
    return world_->database.ledgers.at(partition);
  }
  [[nodiscard]] std::int64_t events_in_days() const {
    std::int64_t events = 0;
    for (const auto& [key, window] : world_->database.windows) {
      if (key.granularity == tally::Granularity::minute && key.dimension == tally::Dimension::total)
        events += window.row.events;
    }
    return events;
  }

  // Partitions that are not read.
  [[nodiscard]] std::vector<std::int32_t> refused() {
    std::vector<std::int32_t> numbers;
    for (const consumer::PartitionStatus& held : status().partitions)
      if (held.state == consumer::PartitionStatus::State::refused) numbers.push_back(held.partition);
    return numbers;
  }

  std::optional<SimulatedCluster> world_;
  std::unique_ptr<SimulatedProcess> process_;
  bool planted_ = false;

  // Whatever the story, the store says what the log says.
  void TearDown() override {
    if (planted_) return;
    EXPECT_EQ(world_->fault().value_or("nothing"), "nothing");
  }
};

TEST_F(OffsetGone, Fault27OutOfRangeStopsThatPartitionAndTheOthersGoOn) {
  under(consumer::OnOffsetGone::stop);
  cut_off_while_reading();
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

TEST_F(OffsetGone, Fault27OutOfRangeCountsTheGapAsSkippedWhenToldToGoOn) {
  under(consumer::OnOffsetGone::earliest);
  cut_off_while_reading();
  EXPECT_EQ(status().offsets_out_of_range, 1);
  EXPECT_TRUE(refused().empty());
  EXPECT_EQ(ledger(0).next_offset, 25);
  EXPECT_EQ(ledger(0).tallied, 15);
  EXPECT_EQ(ledger(0).skipped, 10);
  EXPECT_EQ(ledger(1).tallied, 3);
}

TEST_F(OffsetGone, Fault27AGapIsCountedThoughTheLogIsEmptyBehindIt) {
  under(consumer::OnOffsetGone::earliest);
  process_->log().pause(0);
  append(20, 0);
  world_->cut_log(0, 20);
  process_->log().resume(0);
  pass(seconds{5});
  EXPECT_EQ(ledger(0).next_offset, 20);
  EXPECT_EQ(ledger(0).skipped, 20);
  EXPECT_EQ(status().partitions.at(0).ledger->lag(), 0);
}

TEST_F(OffsetGone, Fault27ATopicMadeAnewStopsThePartitionsThatWereCounted) {
  under(consumer::OnOffsetGone::stop);
  append(5, 0);
  pass(seconds{3});
  make_topic_anew();
  EXPECT_EQ(refused(), std::vector{0}) << "nothing was counted of partition 1";
  EXPECT_EQ(ledger(0).tallied, 5);
}

TEST_F(OffsetGone, Fault27ATopicMadeAnewGetsANewAccountWhenToldToGoOn) {
  under(consumer::OnOffsetGone::earliest);
  append(5, 0);
  world_->append(0, {.kind = Told::Kind::garbage});
  pass(seconds{3});
  make_topic_anew();
  EXPECT_TRUE(refused().empty());
  EXPECT_EQ(ledger(0).start_offset, 0);
  EXPECT_EQ(ledger(0).tallied, 2);
  ASSERT_EQ(world_->database.archived.size(), 1U);
  const auto& [name, old] = *world_->database.archived.begin();
  EXPECT_TRUE(name.first.starts_with("the-topic~2025")) << name.first;
  EXPECT_EQ(old.tallied, 5);
  EXPECT_EQ(old.dead_lettered, 1);
  EXPECT_TRUE(world_->database.dead_letters.contains(commit::DeadLetterId{name.first, 0, 5}));
  EXPECT_EQ(events_in_days(), 7) << "the windows go on";
}

// The new log has grown past the old account's offset: only the record there tells that it is another one.
TEST_F(OffsetGone, Fault27ATopicMadeAnewIsKnownByItsRecordsHoweverLongItIs) {
  under(consumer::OnOffsetGone::earliest);
  append(5, 0);
  pass(seconds{3});
  process_.reset();
  world_->make_topic_anew();
  world_->advance(seconds{1});
  append(9, 0);
  process_ = world_->start_process();
  process_->log().assign({0, 1});
  pass(seconds{3});
  EXPECT_EQ(ledger(0).tallied, 9);
  EXPECT_EQ(world_->database.archived.size(), 1U);
}

// KAFKA_START=latest left out five records of a log that is gone when the first process comes.
TEST_F(OffsetGone, Fault42ATopicThatIsCreatedAgainAfterItWasBegunAtItsEndIsCountedFromItsStart) {
  planted_ = true;  // the oracle does not know the records that were left out
  for (const consumer::OnOffsetGone rule : {consumer::OnOffsetGone::stop, consumer::OnOffsetGone::earliest}) {
    ClusterRules rules{.partitions = 2, .consumer = hurried_settings()};
    rules.consumer.on_offset_gone = rule;
    process_.reset();
    world_.emplace(rules);
    for (int i = 0; i < 5; ++i) world_->topic.append(0, written_down({}, world_->now().wall));
    consumer::FakeLogReader reader(world_->topic);
    commit::FakeMetricsStore session(world_->database, "the-group");
    ASSERT_TRUE(consumer::start_at_latest(reader, session, world_->now().wall));
    world_->make_topic_anew();
    world_->advance(seconds{1});
    append(9, 0);
    process_ = world_->start_process();
    process_->log().assign({0, 1});
    pass(seconds{3});
    if (rule == consumer::OnOffsetGone::stop) {
      EXPECT_EQ(refused(), std::vector{0});
      EXPECT_EQ(ledger(0).next_offset, 5) << "nothing is skipped";
    } else {
      EXPECT_EQ(ledger(0).tallied, 9);
      EXPECT_EQ(ledger(0).skipped, 0);
    }
  }
}

TEST_F(OffsetGone, Fault27AnAccountIsPutAwayHoweverOftenTheStoreFails) {
  for (const commit::Fault fault :
       {commit::Fault::refused, commit::Fault::lost_before, commit::Fault::lost_after}) {
    under(consumer::OnOffsetGone::earliest);
    append(5, 0);
    pass(seconds{3});
    int left = 3;
    world_->database.faults = [&](commit::StoreStep step) {
      return step == commit::StoreStep::archive_ledger && left-- > 0 ? fault : commit::Fault::none;
    };
    make_topic_anew();
    EXPECT_EQ(ledger(0).tallied, 2);
    EXPECT_EQ(world_->database.archived.size(), 1U) << "once, whatever the answers were";
  }
}

// Both have judged the old account; before one puts it away, the other does, and counts in the new one.
TEST_F(OffsetGone, Fault27OfTwoWhoPutAnAccountAwayTheFirstHasDoneIt) {
  for (const bool unfenced : {false, true}) {
    under(consumer::OnOffsetGone::earliest, {.archive_unfenced = unfenced});
    append(5, 0);
    pass(seconds{3});
    process_.reset();
    world_->make_topic_anew();
    append(2, 0);
    std::unique_ptr<SimulatedProcess> other = world_->start_process();
    bool overtaken = false;
    world_->database.faults = [&](commit::StoreStep step) {
      if (step != commit::StoreStep::archive_ledger || std::exchange(overtaken, true))
        return commit::Fault::none;
      world_->advance(seconds{2});  // it takes another name
      other->log().assign({0});
      for (int i = 0; i < 30; ++i) {
        world_->advance(milliseconds{100});
        other->settle();
      }
      return commit::Fault::none;
    };
    process_ = world_->start_process();
    process_->log().assign({0});
    process_->settle();
    other.reset();
    pass(seconds{3});
    if (unfenced) {
      planted_ = true;
      EXPECT_NE(world_->fault(), std::nullopt) << "or this would prove nothing";
      continue;
    }
    EXPECT_EQ(world_->fault(), std::nullopt);
    EXPECT_EQ(ledger(0).tallied, 2);
    EXPECT_EQ(world_->database.archived.size(), 1U);
  }
}

TEST_F(OffsetGone, Fault27APartitionAddedAtRunTimeIsReadFromItsStart) {
  under(consumer::OnOffsetGone::stop);
  append(5, 0);
  pass(seconds{3});
  world_->topic.add_partition();
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
