#include "kafka/topic_watch.hpp"

#include <array>
#include <gtest/gtest.h>

#include "kafka/testing/fake_brokers.hpp"

namespace weir::kafka {
namespace {

constexpr std::chrono::seconds patience{20};

class TopicWatchTest : public testing::Test {
 protected:
  TopicWatchTest() { brokers_.make_topic("events", 3); }

  void open() {
    auto opened = TopicWatch::open({.cluster = {.brokers = brokers_.address(), .topic = "events"}}, *quiet_);
    ASSERT_TRUE(opened) << opened.error().text;
    watch_ = std::move(*opened);
  }

  std::unique_ptr<telemetry::Logger> quiet_ = telemetry::make_silent_logger();
  FakeBrokers brokers_{3};
  std::unique_ptr<TopicWatch> watch_;
};

TEST_F(TopicWatchTest, SeesTheTopicAsTheClusterDescribesIt) {
  open();
  ASSERT_TRUE(watch_->await_up(patience));
  const auto seen = watch_->state();
  EXPECT_TRUE(seen.up);
  EXPECT_TRUE(seen.trouble.code.empty());
  EXPECT_NE(seen.cluster_id, "");
  EXPECT_EQ(seen.partitions, 3);
  EXPECT_EQ(seen.replicas_min, 3);
  EXPECT_EQ(seen.end, 0);
}

TEST_F(TopicWatchTest, NamesTheLogOnceTheClusterIsKnownAndKeepsTheName) {
  brokers_.set_up(false);
  open();
  EXPECT_FALSE(watch_->health().up);
  EXPECT_EQ(watch_->health().reason, "starting");
  EXPECT_EQ(watch_->health().log_id, "");
  brokers_.set_up(true);
  ASSERT_TRUE(watch_->await_up(patience)) << watch_->state().trouble.text;
  const std::string log_id = watch_->state().cluster_id + "/events";
  EXPECT_EQ(watch_->health().reason, "");
  EXPECT_EQ(watch_->health().log_id, log_id);
  watch_->lost();
  EXPECT_EQ(watch_->health().log_id, log_id);
}

TEST_F(TopicWatchTest, BelievesWhatWasWrittenSinceItLooked) {
  open();
  ASSERT_TRUE(watch_->await_up(patience));
  watch_->wrote(std::array{PartitionEnd{0, 5}, PartitionEnd{2, 7}, PartitionEnd{2, 6}});
  EXPECT_EQ(watch_->state().end, 12);
}

TEST_F(TopicWatchTest, IsNotUpOnceTheBrokersAreLostUntilItSawThemAgain) {
  open();
  ASSERT_TRUE(watch_->await_up(patience));
  brokers_.set_up(false);
  watch_->lost();
  EXPECT_FALSE(watch_->up());
  EXPECT_EQ(watch_->state().trouble.code, "broker_away");
  brokers_.set_up(true);
  EXPECT_TRUE(watch_->await_up(patience)) << watch_->state().trouble.text;
  EXPECT_TRUE(watch_->up());
}

TEST_F(TopicWatchTest, StartsWithoutBrokersAndFindsThemWhenTheyCome) {
  brokers_.set_up(false);
  open();
  EXPECT_EQ(watch_->state().trouble.code, "starting");
  EXPECT_FALSE(watch_->await_up(std::chrono::milliseconds{50}));
  brokers_.set_up(true);
  EXPECT_TRUE(watch_->await_up(patience)) << watch_->state().trouble.text;
}

}  // namespace
}  // namespace weir::kafka
