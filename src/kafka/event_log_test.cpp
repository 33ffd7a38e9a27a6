#include "kafka/event_log.hpp"

#include <librdkafka/rdkafka.h>

#include "intake/testing/event_log_contract.hpp"
#include "kafka/testing/event_log_fixture.hpp"

namespace weir::kafka {
namespace {

using intake::Receipt;
using intake::event_log_contract::Answers;
using intake::event_log_contract::append_and_wait;
using intake::event_log_contract::request;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Api = FakeBrokers::Api;

constexpr seconds timeout{20};

std::unique_ptr<intake::EventLogFixture> make_mock_fixture() {
  auto brokers = std::make_unique<FakeBrokers>();
  brokers->make_topic("events", 4);
  const std::string address = brokers->address();
  return std::make_unique<KafkaLogWorld>(Cluster{.brokers = address, .topic = "events"}, std::move(brokers));
}

}  // namespace
}  // namespace weir::kafka

namespace weir::intake {
INSTANTIATE_TEST_SUITE_P(MockKafka, EventLogContract, testing::Values(&kafka::make_mock_fixture));
}  // namespace weir::intake

namespace weir::kafka {
namespace {

// One log on one mock broker.
class KafkaEventLogTest : public testing::Test {
 protected:
  KafkaEventLogTest() { brokers_.make_topic("events", 1); }

  [[nodiscard]] EventLogOptions options() const {
    return {.cluster = {.brokers = brokers_.address(),
                        .topic = "events",
                        .properties = {{"topic.metadata.refresh.interval.ms", "100"}}},
            .append_timeout = milliseconds{2000},
            .request_timeout = milliseconds{1000}};
  }
  void open(EventLogOptions options) { log_ = open_log(std::move(options), *quiet_); }
  void open() {
    open(options());
    ASSERT_TRUE(log_->await_up(timeout)) << log_->health().reason;
  }
  intake::Receipts append(const std::string& value) { return append_and_wait(*log_, {{"user", value, {}}}); }
  // librdkafka may need new metadata, or the log another producer, before a record can be written.
  void append_until_kept(const std::string& value) {
    const MonoTime until = read_clock().mono + timeout;
    auto receipts = append(value);
    while (receipts.all != Receipt::kept && read_clock().mono < until) receipts = append(value);
    EXPECT_EQ(receipts.all, Receipt::kept) << receipts.why.text;
  }
  [[nodiscard]] std::uint64_t failed(std::string_view code) const {
    const auto* const found = std::ranges::find(failure_codes, code);
    return log_->counts().failed.at(static_cast<std::size_t>(found - failure_codes.begin()));
  }
  std::unique_ptr<telemetry::Logger> quiet_ = telemetry::make_silent_logger();
  FakeBrokers brokers_;
  std::unique_ptr<KafkaEventLog> log_;
};

TEST_F(KafkaEventLogTest, ReportsWhyTheBrokerRejectsARecordAndWritesTheNextOne) {
  struct Case {
    rd_kafka_resp_err_t error;
    std::string_view code;
    ErrorKind kind;
  };
  // librdkafka retries some of these errors twice.
  for (const auto& [error, code, kind] : {
           Case{RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, "not_enough_replicas", ErrorKind::unavailable},
           Case{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "record_too_large", ErrorKind::invalid},
           Case{RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "not_authorised", ErrorKind::unavailable},
           Case{RD_KAFKA_RESP_ERR_INVALID_RECORD, "record_refused", ErrorKind::invalid},
       }) {
    SCOPED_TRACE(code);
    log_.reset();
    const auto topic = "events-" + std::string(code);
    brokers_.make_topic(topic, 1);
    auto asked = options();
    asked.cluster.topic = topic;
    open(asked);
    ASSERT_TRUE(log_->await_up(timeout));
    brokers_.refuse_next(Api::produce, error, 20);
    const auto refused = append("refused");
    EXPECT_EQ(refused.all, Receipt::not_kept);
    EXPECT_EQ(refused.why.code, code);
    EXPECT_EQ(refused.why.kind, kind);
    EXPECT_EQ(failed(code), 1);
    EXPECT_EQ(log_->health().up, kind == ErrorKind::invalid) << log_->health().reason;
    brokers_.refuse_no_more(Api::produce);
    append_until_kept("kept");
    EXPECT_TRUE(log_->health().up);
    EXPECT_EQ(log_->counts().published, 1);
    EXPECT_EQ(read_topic(brokers_.address(), topic).size(), 1);
  }
}

TEST_F(KafkaEventLogTest, RefusesARecordThatIsTooLargeForTheTopic) {
  auto asked = options();
  asked.event_bytes_max = 1000;
  open(asked);
  ASSERT_TRUE(log_->await_up(timeout));
  const auto receipts =
      append_and_wait(*log_, {{"user", "small", {}}, {"user", std::string(2'000'000, 'x'), {}}});
  ASSERT_EQ(receipts.each.size(), 2);
  EXPECT_EQ(receipts.of(0), Receipt::kept);
  EXPECT_EQ(receipts.of(1), Receipt::not_kept);
  EXPECT_EQ(receipts.why.code, "record_too_large");
  EXPECT_EQ(receipts.why.kind, ErrorKind::invalid);
}

TEST_F(KafkaEventLogTest, ReportsNotKeptWhenARecordTimesOutBeforeItIsSent) {
  open();
  ASSERT_EQ(append("first").all, Receipt::kept);
  // The partition has no leader.
  brokers_.refuse_next(Api::produce, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 100);
  brokers_.refuse_topic("events", RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
  const auto receipts = append("late");
  EXPECT_EQ(receipts.all, Receipt::not_kept) << receipts.why.text;
  brokers_.refuse_topic("events", 0);
  EXPECT_EQ(read_topic(brokers_.address(), "events").size(), 1);
}

TEST_F(KafkaEventLogTest, ReportsUnknownWhenTheBrokerDoesNotRespond) {
  open();
  ASSERT_EQ(append("first").all, Receipt::kept);
  brokers_.set_delay(seconds{30});  // it writes the record and does not respond
  const auto receipts = append("late");
  EXPECT_EQ(receipts.all, Receipt::unknown) << receipts.why.text;
  EXPECT_EQ(receipts.why.code, "timed_out");
  EXPECT_EQ(log_->counts().unknown, 1);
}

TEST_F(KafkaEventLogTest, PurgesAllOpenRecordsAndReplacesTheProducerWhenARequestIsOverdue) {
  open();
  ASSERT_EQ(append("first").all, Receipt::kept);
  brokers_.set_delay(seconds{30});
  constexpr int requests = 20;  // more than may be in flight at once
  Answers answers;
  for (int i = 0; i < requests; ++i) log_->append(request({{"user", "open", {}}}), answers.expect(i));
  int unknown = 0;
  for (const auto& [number, receipts] : answers.all()) {
    EXPECT_NE(receipts.all, Receipt::kept);
    EXPECT_EQ(receipts.why.code, "timed_out");
    unknown += receipts.all == Receipt::unknown ? 1 : 0;
  }
  EXPECT_GT(unknown, 0);
  EXPECT_EQ(log_->counts().producers_replaced, 1);
  EXPECT_FALSE(log_->health().up);
  brokers_.set_delay(milliseconds{0});
  append_until_kept("next");
  EXPECT_TRUE(log_->health().up);
}

TEST_F(KafkaEventLogTest, RefusesEventsWhileNoBrokerIsReachable) {
  brokers_.set_up(false);
  open(options());
  EXPECT_FALSE(log_->health().up);
  auto refused = append("at start");
  EXPECT_EQ(refused.all, Receipt::not_kept);
  EXPECT_EQ(refused.why.code, "log_away");
  brokers_.set_up(true);
  ASSERT_TRUE(log_->await_up(timeout)) << log_->health().reason;
  EXPECT_EQ(append("kept").all, Receipt::kept);

  brokers_.set_up(false);
  do refused = append("meanwhile");  // the first may be in flight when the connection breaks
  while (refused.why.code != "log_away");
  EXPECT_EQ(refused.all, Receipt::not_kept);
  EXPECT_FALSE(log_->health().up);
  brokers_.set_up(true);
  ASSERT_TRUE(log_->await_up(timeout)) << log_->health().reason;
  EXPECT_EQ(append("kept again").all, Receipt::kept);
}

TEST_F(KafkaEventLogTest, ReplacesAProducerWithAFatalError) {
  open();
  ASSERT_EQ(append("first").all, Receipt::kept);
  brokers_.refuse_next(Api::produce, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 1);
  const auto lost = append("lost");
  EXPECT_NE(lost.all, Receipt::kept);
  append_until_kept("next");
  EXPECT_EQ(log_->counts().producers_replaced, 1);
}

TEST_F(KafkaEventLogTest, ReportsThatAccessToTheTopicIsDenied) {
  brokers_.refuse_topic("events", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  open(options());
  intake::Receipts refused;
  do refused = append("x");
  while (refused.why.code == "log_away");  // until the first query
  EXPECT_EQ(refused.all, Receipt::not_kept);
  EXPECT_EQ(refused.why.code, "not_authorised");
  EXPECT_FALSE(log_->health().up);
}

TEST_F(KafkaEventLogTest, PurgesOpenRecordsWhenTheTimeoutOfStopEnds) {
  open();
  ASSERT_EQ(append("first").all, Receipt::kept);
  brokers_.set_delay(seconds{30});
  Answers answers;
  log_->append(request({{"user", "open", {}}}), answers.expect(0));
  log_->stop(milliseconds{50});
  EXPECT_EQ(answers.of(0).all, Receipt::unknown);
  EXPECT_EQ(answers.of(0).why.code, "log_stopping");
  const auto refused = append("after");
  EXPECT_EQ(refused.all, Receipt::not_kept);
  EXPECT_EQ(refused.why.code, "log_stopping");
}

TEST_F(KafkaEventLogTest, WaitsForOpenRecordsDuringTheTimeoutOfStop) {
  open();
  brokers_.set_delay(milliseconds{100});
  Answers answers;
  for (int i = 0; i < 10; ++i) log_->append(request({{"user", "open", {}}}), answers.expect(i));
  log_->stop(timeout);
  for (const auto& [number, receipts] : answers.all())
    EXPECT_EQ(receipts.all, Receipt::kept) << receipts.why.text;
}

TEST_F(KafkaEventLogTest, RejectsSettingsThatLibrdkafkaDoesNotKnow) {
  auto asked = options();
  asked.compression = "brotli";
  EXPECT_EQ(KafkaEventLog::open(asked, *quiet_).error().code, "property_invalid");
  asked = options();
  asked.cluster.properties = {{"no.such.property", "1"}};
  EXPECT_EQ(KafkaEventLog::open(asked, *quiet_).error().code, "property_unknown");
}

}  // namespace
}  // namespace weir::kafka
