// The database fails over to a standby that lags: acknowledged commits are lost, and no process knows it. The
// fence must reject a process that remembers them, even if the ledger row has reached the same offset again.
#include <gtest/gtest.h>

#include "simulation/cluster.hpp"

namespace weir::simulation {
namespace {

using std::chrono::milliseconds;

class FailoverTest : public testing::Test {
 protected:
  FailoverTest() : cluster_({.partitions = 3, .consumer = fast_settings()}) {}

  std::unique_ptr<SimulatedProcess> process_with(std::vector<std::int32_t> partitions) {
    auto process = cluster_.start_process();
    give(*process, std::move(partitions));
    return process;
  }
  static void give(SimulatedProcess& process, std::vector<std::int32_t> partitions) {
    process.log().assign(std::move(partitions));
    process.run_until_idle();  // opens them
    process.run_until_idle();  // reads
  }

  void append(std::int32_t partition, std::optional<std::string> replay_of = {}) {
    cluster_.append(
        partition,
        {.user = "anna", .page = "/", .at = cluster_.now().wall, .replay_of = std::move(replay_of)});
  }

  // Enough time for a flush, not for an observation.
  void flush(SimulatedProcess& process) {
    process.run_until_idle();
    cluster_.advance(milliseconds{1000});
    process.run_until_idle();
  }

  void fail_over(std::span<SimulatedProcess* const> processes) {
    for (SimulatedProcess* const process : processes) process->session().end();
    cluster_.restore_checkpoint();
  }

  [[nodiscard]] const tally::LedgerRow& ledger(std::int32_t partition) const {
    return cluster_.database.ledgers.at(partition);
  }
  void expect_exact() const { EXPECT_EQ(cluster_.fault().value_or("nothing"), "nothing"); }

  SimulatedCluster cluster_;
};

TEST_F(FailoverTest, AnOwnerIsFencedAndCountsTheLostCommitsAgain) {
  const auto owner = process_with({0});
  append(0);
  flush(*owner);
  cluster_.checkpoint();
  append(0);
  flush(*owner);
  EXPECT_EQ(ledger(0).tallied, 2);
  fail_over(std::array{owner.get()});
  EXPECT_EQ(ledger(0).tallied, 1);
  append(0);
  for (int i = 0; i < 5; ++i) flush(*owner);
  EXPECT_EQ(owner->consumer().status().fence_failures, 1);
  EXPECT_EQ(ledger(0).tallied, 3);
  expect_exact();
}

// Two replays of one dead letter: the one whose partition is written first counts. After the failover it is
// the other one, although the ledger row has the same offset and version as before. Its sums differ.
TEST_F(FailoverTest, AZombieIsFencedThoughOffsetAndVersionAreWhatItRemembers) {
  const auto zombie = process_with({0, 1});
  const auto other = process_with({2});
  cluster_.append(0, {.kind = consumer::TestEvent::Kind::garbage});
  flush(*zombie);
  cluster_.checkpoint();

  append(1, "the-topic/0/0");
  flush(*zombie);
  append(2, "the-topic/0/0");
  flush(*other);
  EXPECT_EQ(ledger(1).tallied, 1);
  const tally::LedgerRow before = ledger(1);

  fail_over(std::array{zombie.get(), other.get()});
  const auto successor = process_with({2});
  flush(*successor);
  EXPECT_EQ(ledger(2).tallied, 1);
  give(*successor, {1});
  flush(*successor);
  EXPECT_EQ(ledger(1).duplicate, 1);
  EXPECT_EQ(ledger(1).next_offset, before.next_offset);
  EXPECT_EQ(ledger(1).version, before.version);

  append(1);
  flush(*zombie);
  expect_exact();
}

}  // namespace
}  // namespace weir::simulation
