#include "kafka/dead_letter_topic.hpp"

#include <condition_variable>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <mutex>

#include "kafka/testing/fake_brokers.hpp"

namespace weir::kafka {
namespace {

using Copy = consumer::DeadLetterTopic::Copy;
using CopyResult = consumer::DeadLetterTopic::CopyResult;
using Api = FakeBrokers::Api;

Copy copy_of(std::int64_t offset, std::string value) {
  return {.ticket = {.partition = 3, .generation = 7, .offset = offset},
          .dead_letter = {.partition = 3,
                          .offset = offset,
                          .reason = "not_json",
                          .detail = "the record is not JSON",
                          .key = "user",
                          .value = std::move(value),
                          .at = {}},
          .source = {.topic = "events", .partition = 3, .offset = offset}};
}

class KafkaDeadLetterTopicTest : public testing::Test {
 protected:
  void open() {
    copies_ = std::make_unique<KafkaDeadLetterTopic>(
        DeadLetterTopicOptions{.cluster = {.brokers = brokers_.address(), .topic = "events"}}, *quiet_,
        [this] {
          const std::scoped_lock lock(mutex_);
          ++woken_;
          result_.notify_all();
        });
  }
  // Waits for the next results, at least one.
  std::vector<CopyResult> await_results() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(result_.wait_for(lock, std::chrono::seconds(30), [this] { return woken_ > 0; }));
    woken_ = 0;
    return copies_->take_results();
  }
  CopyResult send_and_wait(Copy copy) {
    copies_->send(std::move(copy));
    const auto ended = await_results();
    EXPECT_EQ(ended.size(), 1);
    return ended.at(0);
  }

  std::unique_ptr<telemetry::Logger> quiet_ = telemetry::make_silent_logger();
  FakeBrokers brokers_;
  std::mutex mutex_;
  std::condition_variable result_;
  int woken_ = 0;
  std::unique_ptr<KafkaDeadLetterTopic> copies_;
};

TEST_F(KafkaDeadLetterTopicTest, WritesTheRecordItsReasonAndItsSource) {
  open();
  EXPECT_TRUE(copies_->take_results().empty());
  const auto ended = send_and_wait(copy_of(17, "{broken"));
  EXPECT_FALSE(ended.failure) << ended.failure->text;
  EXPECT_EQ(ended.ticket.partition, 3);
  EXPECT_EQ(ended.ticket.generation, 7);
  EXPECT_EQ(ended.ticket.offset, 17);
  const auto found = read_topic(brokers_.address(), "events.dlq");
  ASSERT_EQ(found.size(), 1);
  EXPECT_EQ(found[0].key, "user");
  EXPECT_EQ(found[0].value, "{broken");
  const std::vector<std::pair<std::string, std::string>> wanted{{"weir.reason", "not_json"},
                                                                {"weir.source", "events/3/17"}};
  EXPECT_EQ(found[0].headers, wanted);
}

TEST_F(KafkaDeadLetterTopicTest, ReportsAFailureAndWritesTheCopyThatIsSentAgain) {
  open();
  ASSERT_FALSE(send_and_wait(copy_of(1, "first")).failure);
  brokers_.refuse_next(Api::produce, RD_KAFKA_RESP_ERR_INVALID_RECORD, 1);
  const auto refused = send_and_wait(copy_of(2, "second"));
  ASSERT_TRUE(refused.failure);
  EXPECT_EQ(refused.failure->code, "record_refused");
  EXPECT_FALSE(send_and_wait(copy_of(2, "second")).failure);
  EXPECT_EQ(read_topic(brokers_.address(), "events.dlq").size(), 2);
}

TEST_F(KafkaDeadLetterTopicTest, OmitsAValueThatIsTooLarge) {
  open();
  const auto ended = send_and_wait(copy_of(1, std::string(2'000'000, 'x')));
  EXPECT_FALSE(ended.failure) << ended.failure->text;
  const auto found = read_topic(brokers_.address(), "events.dlq");
  ASSERT_EQ(found.size(), 1);
  EXPECT_EQ(found[0].value, "");
  ASSERT_EQ(found[0].headers.size(), 3);
  EXPECT_EQ(found[0].headers[2], (std::pair<std::string, std::string>{"weir.omitted", "2000000"}));
}

TEST_F(KafkaDeadLetterTopicTest, FailsWhileTheBrokersAreNotReachable) {
  brokers_.set_up(false);
  open();
  const auto refused = send_and_wait(copy_of(1, "x"));
  ASSERT_TRUE(refused.failure);
  EXPECT_EQ(refused.failure->code, "log_away");
}

}  // namespace
}  // namespace weir::kafka
