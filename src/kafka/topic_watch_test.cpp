#include "kafka/topic_watch.hpp"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include "kafka/testing/fake_brokers.hpp"
#include "telemetry/testing/fake_logger.hpp"

namespace weir::kafka {
namespace {

constexpr std::chrono::seconds timeout{20};

class TopicWatchTest : public testing::Test {
 protected:
  TopicWatchTest() { brokers_.make_topic("events", 3); }

  void open(std::chrono::milliseconds leader_grace = std::chrono::seconds{15}) {
    auto opened = TopicWatch::open(
        {.cluster = {.brokers = brokers_.address(), .topic = "events"}, .leader_grace = leader_grace},
        logger_);
    ASSERT_TRUE(opened) << opened.error().text;
    watch_ = std::move(*opened);
  }

  // state() keeps the queries frequent.
  void await_down() {
    const MonoTime until = read_clock().mono + timeout;
    while (watch_->state().up && read_clock().mono < until)
      static_cast<void>(logger_.await("Kafka is not reachable", std::chrono::seconds{1}));
    EXPECT_FALSE(watch_->up());
  }

  telemetry::FakeLogger logger_;
  FakeBrokers brokers_{3};
  std::unique_ptr<TopicWatch> watch_;
};

TEST_F(TopicWatchTest, ReportsTheMetadataOfTheTopic) {
  open();
  ASSERT_TRUE(watch_->await_up(timeout));
  const auto seen = watch_->state();
  EXPECT_TRUE(seen.up);
  EXPECT_TRUE(seen.error.code.empty());
  EXPECT_NE(seen.cluster_id, "");
  EXPECT_EQ(seen.partitions, 3);
  EXPECT_EQ(seen.replicas_min, 3);
  EXPECT_EQ(seen.end, 0);
}

TEST_F(TopicWatchTest, HasALogIdOnceTheClusterIsKnown) {
  brokers_.set_up(false);
  open();
  EXPECT_FALSE(watch_->health().up);
  EXPECT_EQ(watch_->health().reason, "starting");
  EXPECT_EQ(watch_->health().log_id, "");
  brokers_.set_up(true);
  ASSERT_TRUE(watch_->await_up(timeout)) << watch_->state().error.text;
  const std::string log_id = watch_->state().cluster_id + "/events";
  EXPECT_EQ(watch_->health().reason, "");
  EXPECT_EQ(watch_->health().log_id, log_id);
  watch_->on_brokers_lost();
  EXPECT_EQ(watch_->health().log_id, log_id);
}

TEST_F(TopicWatchTest, RaisesEndOffsetsThatWereWrittenSinceTheLastQuery) {
  open();
  ASSERT_TRUE(watch_->await_up(timeout));
  watch_->on_ends_written(std::array{PartitionEnd{0, 5}, PartitionEnd{2, 7}, PartitionEnd{2, 6}});
  EXPECT_EQ(watch_->state().end, 12);
}

TEST_F(TopicWatchTest, IsNotUpBetweenTheLossOfTheBrokersAndTheNextQuery) {
  open();
  ASSERT_TRUE(watch_->await_up(timeout));
  brokers_.set_up(false);
  watch_->on_brokers_lost();
  EXPECT_FALSE(watch_->up());
  EXPECT_EQ(watch_->state().error.code, "broker_unavailable");
  brokers_.set_up(true);
  EXPECT_TRUE(watch_->await_up(timeout)) << watch_->state().error.text;
  EXPECT_TRUE(watch_->up());
}

// One of several brokers is down: another one returns the metadata, and its partitions get other leaders.
TEST_F(TopicWatchTest, StaysUpForAWhileWithoutTheLeaderOfAPartition) {
  const std::chrono::milliseconds grace{5000};
  const MonoTime opened_at = read_clock().mono;
  open(grace);
  ASSERT_TRUE(watch_->await_up(timeout));
  brokers_.refuse_next(FakeBrokers::Api::list_offsets, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, 1000);
  await_down();
  EXPECT_GE(read_clock().mono, opened_at + grace);
  const auto is_wait = [](const std::string& line) { return line.contains("its events wait"); };
  EXPECT_EQ(std::ranges::count_if(logger_.lines(), is_wait), 1);
  EXPECT_EQ(watch_->state().error.code, "broker_unavailable");
  brokers_.refuse_no_more(FakeBrokers::Api::list_offsets);
  EXPECT_TRUE(watch_->await_up(timeout)) << watch_->state().error.text;
}

TEST_F(TopicWatchTest, IsNotUpAtOnceWhenNoBrokerReturnsTheMetadata) {
  open(std::chrono::hours{1});
  ASSERT_TRUE(watch_->await_up(timeout));
  brokers_.set_up(false);
  await_down();
}

TEST_F(TopicWatchTest, StartsWithoutBrokersAndIsUpOnceTheyAreReachable) {
  brokers_.set_up(false);
  open();
  EXPECT_EQ(watch_->state().error.code, "starting");
  EXPECT_FALSE(watch_->await_up(std::chrono::milliseconds{50}));
  brokers_.set_up(true);
  EXPECT_TRUE(watch_->await_up(timeout)) << watch_->state().error.text;
}

}  // namespace
}  // namespace weir::kafka
