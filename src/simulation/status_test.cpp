// Status on a simulated cluster: what health and metrics report of a consuming process.
#include "consumer/status.hpp"

#include "simulation/cluster.hpp"

namespace weir::simulation {
namespace {

using namespace consumer;  // what is under test

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Durations, CountsADurationInTheFirstBucketWithABoundNotBelowIt) {
  Durations took;
  for (const milliseconds time : {milliseconds{0}, milliseconds{5}, milliseconds{6}, milliseconds{5000}})
    took.add(time);
  took.add(std::chrono::nanoseconds{5'000'000'001});
  EXPECT_EQ(took.counts, (std::array<std::int64_t, 11>{2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1}));
  EXPECT_EQ(took.sum, milliseconds{5011 + 5000} + std::chrono::nanoseconds{1});
}

class StatusTest : public testing::Test {
 protected:
  void start() {
    process_ = cluster_.start_process();
    process_->log().assign({0, 1});
    process_->run_until_idle();
  }

  void append(int events, std::int32_t partition) {
    for (int i = 0; i < events; ++i)
      cluster_.append(partition, {.user = "anna", .page = "/", .at = cluster_.now().wall});
  }

  void pass(milliseconds time) {
    for (milliseconds passed{0}; passed < time; passed += milliseconds{100}) {
      cluster_.advance(milliseconds{100});
      process_->run_until_idle();
    }
  }

  [[nodiscard]] Status status() const { return process_->consumer().status(); }

  SimulatedCluster cluster_{{.partitions = 2, .consumer = fast_settings()}};
  std::unique_ptr<SimulatedProcess> process_;
};

TEST_F(StatusTest, ReportsThePositionOfEachPartition) {
  start();
  append(4, 1);
  process_->run_iteration();  // reads, but does not write yet
  std::vector<PartitionStatus> partitions = status().partitions;
  ASSERT_EQ(partitions.size(), 2U);
  EXPECT_EQ(partitions[1].partition, 1);
  EXPECT_EQ(name_of(partitions[1].state), "live");
  ASSERT_TRUE(partitions[1].ledger.has_value());
  EXPECT_EQ(partitions[1].ledger->lag(), 4);
  EXPECT_EQ(partitions[1].ledger->oldest_unread_at, cluster_.now().wall);
  pass(seconds{3});
  partitions = status().partitions;
  EXPECT_EQ(partitions[1].ledger->next_offset, 4);
  EXPECT_EQ(partitions[1].ledger->lag(), 0);
  EXPECT_EQ(partitions[1].ledger->oldest_unread_at, std::nullopt);
}

TEST_F(StatusTest, ReportsWhyAPartitionIsNotOpen) {
  cluster_.database.faults = [](commit::StoreStep) { return commit::Fault::refused; };
  start();
  pass(seconds{1});
  const std::vector<PartitionStatus> partitions = status().partitions;
  ASSERT_EQ(partitions.size(), 2U);
  EXPECT_EQ(name_of(partitions[0].state), "opening");
  EXPECT_NE(partitions[0].reason, "");
  EXPECT_FALSE(partitions[0].ledger.has_value());
  EXPECT_GT(status().store_retries, 1);
}

TEST_F(StatusTest, IsStartingUntilAllPartitionsWereOpenOnce) {
  cluster_.database.faults = [](commit::StoreStep) { return commit::Fault::refused; };
  start();
  pass(seconds{3});
  EXPECT_EQ(status().phase, Phase::starting);
  cluster_.database.faults = [](commit::StoreStep) { return commit::Fault::none; };
  pass(seconds{30});
  EXPECT_EQ(status().phase, Phase::live);
}

TEST_F(StatusTest, IsOpeningNotStartingWhenPartitionsAreOpenedAgain) {
  start();
  pass(seconds{1});
  ASSERT_EQ(status().phase, Phase::live);
  cluster_.database.faults = [](commit::StoreStep) { return commit::Fault::refused; };
  process_->log().lose({1});
  process_->log().assign({1});
  pass(seconds{3});
  EXPECT_EQ(status().phase, Phase::opening);
  EXPECT_FALSE(status().store_up);
  cluster_.database.faults = [](commit::StoreStep) { return commit::Fault::none; };
  pass(seconds{30});
  EXPECT_EQ(status().phase, Phase::live);
}

TEST_F(StatusTest, CountsReassignments) {
  start();
  process_->log().revoke({0});
  process_->run_until_idle();
  process_->log().lose({1});
  process_->log().assign({0});
  process_->run_until_idle();
  EXPECT_EQ(status().partitions_assigned, 3);
  EXPECT_EQ(status().partitions_revoked, 1);
  EXPECT_EQ(status().partitions_lost, 1);
  EXPECT_EQ(status().partitions.size(), 1U);
}

TEST_F(StatusTest, CountsFlushesWindowsAndDeadLettersByReason) {
  start();
  append(3, 0);
  append(1, 1);
  cluster_.append(0, {.kind = TestEvent::Kind::garbage});
  cluster_.append(0, {.kind = TestEvent::Kind::without_value});
  cluster_.append(1, {.kind = TestEvent::Kind::garbage});
  pass(seconds{3});
  const Status now = status();
  EXPECT_EQ(now.windows_opened, 2) << "one minute in each partition";
  EXPECT_EQ(now.dead_letters, (std::map<std::string, std::int64_t>{{"not_json", 2}, {"value_missing", 1}}));
  std::int64_t timed = 0;
  for (const std::int64_t count : now.flush_durations.counts) timed += count;
  EXPECT_EQ(timed, now.flushes);
  append(5, 0);
  pass(seconds{2});
  EXPECT_EQ(status().windows_opened, 2) << "the same minute";
}

TEST_F(StatusTest, CountsEachPauseOnce) {
  start();
  append(300, 0);
  for (int i = 0; i < 40; ++i) process_->run_iteration();  // the writer does not run
  EXPECT_EQ(status().pauses, 1);
  EXPECT_TRUE(status().partitions.at(0).paused);
  pass(seconds{30});
  EXPECT_FALSE(status().partitions.at(0).paused);
}

}  // namespace
}  // namespace weir::simulation
