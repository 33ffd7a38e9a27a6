// What health and metrics are told of a consuming process.
#include "consumer/status.hpp"

#include "simulation/cluster.hpp"

namespace weir::consumer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Durations, PutATimeUnderTheFirstBorderThatItDoesNotExceed) {
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
    process_ = world_.start_process();
    process_->log().assign({0, 1});
    process_->settle();
  }

  void append(int events, std::int32_t partition) {
    for (int i = 0; i < events; ++i)
      world_.append(partition, {.user = "anna", .page = "/", .at = world_.now().wall});
  }

  void pass(milliseconds time) {
    for (milliseconds passed{0}; passed < time; passed += milliseconds{100}) {
      world_.advance(milliseconds{100});
      process_->settle();
    }
  }

  [[nodiscard]] Status status() const { return process_->consumer().status(); }

  simulation::SimulatedCluster world_{{.partitions = 2, .consumer = simulation::hurried_settings()}};
  std::unique_ptr<simulation::SimulatedProcess> process_;
};

TEST_F(StatusTest, TellsOfEachPartitionWhereItStandsInItsLog) {
  start();
  append(4, 1);
  process_->run_turn();  // read, and not written yet
  std::vector<PartitionStatus> partitions = status().partitions;
  ASSERT_EQ(partitions.size(), 2U);
  EXPECT_EQ(partitions[1].partition, 1);
  EXPECT_EQ(name_of(partitions[1].state), "live");
  ASSERT_TRUE(partitions[1].ledger.has_value());
  EXPECT_EQ(partitions[1].ledger->lag(), 4);
  EXPECT_EQ(partitions[1].ledger->oldest_unread_at, world_.now().wall);
  pass(seconds{3});
  partitions = status().partitions;
  EXPECT_EQ(partitions[1].ledger->next_offset, 4);
  EXPECT_EQ(partitions[1].ledger->lag(), 0);
  EXPECT_EQ(partitions[1].ledger->oldest_unread_at, std::nullopt);
}

TEST_F(StatusTest, SaysWhyAPartitionIsNotOpenedYet) {
  world_.database.faults = [](commit::StoreStep) { return commit::Fault::refused; };
  start();
  pass(seconds{1});
  const std::vector<PartitionStatus> partitions = status().partitions;
  ASSERT_EQ(partitions.size(), 2U);
  EXPECT_EQ(name_of(partitions[0].state), "opening");
  EXPECT_NE(partitions[0].reason, "");
  EXPECT_FALSE(partitions[0].ledger.has_value());
  EXPECT_GT(status().store_retries, 1);
}

TEST_F(StatusTest, IsStartingOnlyUntilAllPartitionsWereOpenOnce) {
  world_.database.faults = [](commit::StoreStep) { return commit::Fault::refused; };
  start();
  pass(seconds{3});
  EXPECT_EQ(status().phase, Phase::starting);
  world_.database.faults = [](commit::StoreStep) { return commit::Fault::none; };
  pass(seconds{30});
  EXPECT_EQ(status().phase, Phase::live);
}

TEST_F(StatusTest, DoesNotStartAgainWhenPartitionsAreOpenedAnew) {
  start();
  pass(seconds{1});
  ASSERT_EQ(status().phase, Phase::live);
  world_.database.faults = [](commit::StoreStep) { return commit::Fault::refused; };
  process_->log().lose({1});
  process_->log().assign({1});
  pass(seconds{3});
  EXPECT_EQ(status().phase, Phase::opening);
  EXPECT_FALSE(status().store_up);
  world_.database.faults = [](commit::StoreStep) { return commit::Fault::none; };
  pass(seconds{30});
  EXPECT_EQ(status().phase, Phase::live);
}

TEST_F(StatusTest, CountsReassignments) {
  start();
  process_->log().revoke({0});
  process_->settle();
  process_->log().lose({1});
  process_->log().assign({0});
  process_->settle();
  EXPECT_EQ(status().partitions_assigned, 3);
  EXPECT_EQ(status().partitions_revoked, 1);
  EXPECT_EQ(status().partitions_lost, 1);
  EXPECT_EQ(status().partitions.size(), 1U);
}

TEST_F(StatusTest, CountsFlushesWindowsAndLettersByReason) {
  start();
  append(3, 0);
  append(1, 1);
  world_.append(0, {.kind = simulation::Told::Kind::garbage});
  world_.append(0, {.kind = simulation::Told::Kind::without_value});
  world_.append(1, {.kind = simulation::Told::Kind::garbage});
  pass(seconds{3});
  const Status now = status();
  EXPECT_EQ(now.windows_opened, 2) << "a minute of each partition";
  EXPECT_EQ(now.dead_letters, (std::map<std::string, std::int64_t>{{"not_json", 2}, {"value_missing", 1}}));
  std::int64_t timed = 0;
  for (const std::int64_t count : now.flush_took.counts) timed += count;
  EXPECT_EQ(timed, now.flushes);
  append(5, 0);
  pass(seconds{2});
  EXPECT_EQ(status().windows_opened, 2) << "the same minute";
}

TEST_F(StatusTest, CountsPausesNotTheTimeTheyLast) {
  start();
  append(300, 0);
  for (int i = 0; i < 40; ++i) process_->run_turn();  // the writer does not come to its turn
  EXPECT_EQ(status().pauses, 1);
  EXPECT_TRUE(status().partitions.at(0).paused);
  pass(seconds{30});
  EXPECT_FALSE(status().partitions.at(0).paused);
}

}  // namespace
}  // namespace weir::consumer
