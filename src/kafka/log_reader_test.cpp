// Errors that a real broker does not return on request, with librdkafka's mock cluster; and tests without a
// broker.
#include "kafka/log_reader.hpp"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/limits.hpp"

namespace weir::kafka {
namespace {

using consumer::LogEvent;

constexpr std::chrono::milliseconds briefly{20};
constexpr std::chrono::seconds timeout{60};
const std::string topic = "clicks";

// The API keys of Kafka's protocol.
constexpr std::int16_t find_coordinator = 10;
constexpr std::int16_t join_group = 11;
constexpr std::int16_t offset_commit = 8;

struct EndClient {
  void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
};
struct EndCluster {
  void operator()(rd_kafka_mock_cluster_t* cluster) const { rd_kafka_mock_cluster_destroy(cluster); }
};

class MockedLogReader : public testing::Test {
 protected:
  MockedLogReader() {
    rd_kafka_mock_topic_create(brokers_.get(), topic.c_str(), 2, 1);
    rd_kafka_mock_coordinator_set(brokers_.get(), "group", "readers", 1);
  }

  void open() {
    auto opened = KafkaLogReader::open(
        {.brokers = rd_kafka_mock_cluster_bootstraps(brokers_.get()), .topic = topic, .properties = {}},
        "readers", *logger_);
    ASSERT_TRUE(opened) << opened.error().text;
    reader_ = std::move(*opened);
  }

  // Polls until the predicate holds. Appends errors to failures_.
  template <class Predicate>
  bool until(Predicate holds) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (!holds() && std::chrono::steady_clock::now() < deadline) {
      auto events = reader_->poll(briefly);
      if (!events) failures_.push_back(events.error());
    }
    return holds();
  }

  bool joined() const { return reader_->membership().joined; }

  static rd_kafka_t* make_host() {
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
    return rd_kafka_new(RD_KAFKA_PRODUCER, conf, nullptr, 0);
  }

  std::unique_ptr<rd_kafka_t, EndClient> host_{make_host()};
  std::unique_ptr<rd_kafka_mock_cluster_t, EndCluster> brokers_{rd_kafka_mock_cluster_new(host_.get(), 1)};
  std::unique_ptr<telemetry::Logger> logger_ = telemetry::make_silent_logger();
  std::unique_ptr<KafkaLogReader> reader_;
  std::vector<Error> failures_;
};

TEST_F(MockedLogReader, IsJoinedWithItsPartitionsOnceTheGroupAcceptsIt) {
  ASSERT_NO_FATAL_FAILURE(open());
  EXPECT_FALSE(joined());
  ASSERT_TRUE(until([&] { return joined(); }));
  EXPECT_EQ(reader_->membership().partitions, (std::vector<std::int32_t>{0, 1}));
}

TEST_F(MockedLogReader, ReportsThatTheGroupDeniesAccessAndJoinsLater) {
  constexpr std::size_t refusals = 20;
  for (std::size_t i = 0; i < refusals; ++i)
    rd_kafka_mock_push_request_errors(brokers_.get(), find_coordinator, 1,
                                      RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
  ASSERT_NO_FATAL_FAILURE(open());
  ASSERT_TRUE(until([&] { return failures_.size() >= 3; }));
  for (const auto& failure : failures_) {
    EXPECT_EQ(failure.kind, ErrorKind::unavailable);
    EXPECT_EQ(failure.code, "not_authorised");
    EXPECT_NE(failure.text.find(topic), std::string::npos);
  }
  rd_kafka_mock_clear_request_errors(brokers_.get(), find_coordinator);
  ASSERT_TRUE(until([&] { return joined(); }));
  failures_.clear();
  for (int polls = 0; polls < 10; ++polls) EXPECT_TRUE(reader_->poll(briefly));
}

TEST_F(MockedLogReader, ReportsThatAccessToTheTopicIsDenied) {
  rd_kafka_mock_topic_set_error(brokers_.get(), topic.c_str(), RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  ASSERT_NO_FATAL_FAILURE(open());
  ASSERT_TRUE(until([&] { return !failures_.empty(); }));
  EXPECT_EQ(failures_.front().kind, ErrorKind::unavailable);
  EXPECT_EQ(failures_.front().code, "not_authorised");
  EXPECT_FALSE(reader_->partition_count());
}

TEST_F(MockedLogReader, FailsForGoodAfterAnotherMemberTookItsInstanceId) {
  rd_kafka_mock_push_request_errors(brokers_.get(), join_group, 1, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
  auto opened = KafkaLogReader::open({.brokers = rd_kafka_mock_cluster_bootstraps(brokers_.get()),
                                      .topic = topic,
                                      .properties = {{"group.instance.id", "one"}}},
                                     "readers", *logger_);
  ASSERT_TRUE(opened) << opened.error().text;
  reader_ = std::move(*opened);
  ASSERT_TRUE(until([&] { return !failures_.empty(); }));
  EXPECT_EQ(failures_.front().kind, ErrorKind::internal);
  EXPECT_EQ(failures_.front().code, "kafka_fatal");
  EXPECT_FALSE(reader_->poll(briefly)) << "the failure is final";
}

TEST_F(MockedLogReader, IgnoresThatItsCommitIsRejected) {
  ASSERT_NO_FATAL_FAILURE(open());
  ASSERT_TRUE(until([&] { return joined(); }));
  rd_kafka_mock_push_request_errors(brokers_.get(), offset_commit, 1, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION);
  reader_->store_offset(0, 5);
  for (int polls = 0; polls < 20; ++polls) EXPECT_TRUE(reader_->poll(briefly));
}

TEST_F(MockedLogReader, RefusesToSeekAPartitionThatIsNotAssigned) {
  ASSERT_NO_FATAL_FAILURE(open());
  const auto sought = reader_->seek(0, 0);
  ASSERT_FALSE(sought);
  EXPECT_EQ(sought.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(sought.error().code, "not_assigned");
  reader_->pause(0);
  reader_->resume(0);
  reader_->store_offset(0, 1);
}

TEST(KafkaLogReader, RejectsRequiredProperties) {
  const auto log = telemetry::make_silent_logger();
  for (const char* const name :
       {"group.id", "enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset", "isolation.level",
        "enable.partition.eof", "partition.assignment.strategy"}) {
    auto opened = KafkaLogReader::open(
        {.brokers = "localhost:1", .topic = topic, .properties = {{name, "false"}}}, "readers", *log);
    ASSERT_FALSE(opened) << name;
    EXPECT_EQ(opened.error().kind, ErrorKind::invalid);
    EXPECT_EQ(opened.error().code, "property_reserved");
    EXPECT_NE(opened.error().text.find(name), std::string::npos);
  }
}

TEST(Arena, KeepsCopiesAtTheirAddressUntilItIsCleared) {
  Arena arena;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::pair<std::string, std::string_view>> all;
    for (std::size_t i = 0; i < 400; ++i) {
      std::string bytes(i % 7 == 0 ? 0 : i * 97, static_cast<char>('a' + i % 26));
      const auto put = arena.put(bytes);
      all.emplace_back(std::move(bytes), put);
    }
    all.emplace_back(std::string(3 * limits::MiB, 'z'), std::string_view());
    all.back().second = arena.put(all.back().first);
    for (const auto& [bytes, put] : all) {
      EXPECT_EQ(bytes, put);
      const std::string with_slack(
          put.data(),
          put.size() + limits::json_slack_bytes);  // AddressSanitizer checks the slack
      EXPECT_EQ(with_slack.substr(0, put.size()), put);
    }
    arena.clear();
  }
}

}  // namespace
}  // namespace weir::kafka
