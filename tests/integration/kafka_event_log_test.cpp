// The event log on a real Kafka: the contract tests, and a broker that is stopped or killed.
#include <csignal>
#include <future>
#include <sys/wait.h>

#include "intake/testing/event_log_contract.hpp"
#include "kafka/dead_letter_topic.hpp"
#include "kafka/testing/event_log_fixture.hpp"
#include "kafka_producer/testing/threaded_log.hpp"
#include "support/kafka_server.hpp"
#include "telemetry/testing/fake_logger.hpp"

namespace weir::kafka {
namespace {

using intake::Receipt;
using intake::event_log_contract::Answers;
using intake::event_log_contract::append_and_wait;
using intake::event_log_contract::request;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds timeout{30};

// A name that no other test of this cluster uses.
std::string new_name(std::string_view name) {
  return std::string(name) + "-" +
         std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
}

using OwnLog = kafka_producer::ThreadedLog;

template <class Log>
std::unique_ptr<intake::EventLogFixture> make_real_fixture() {
  return std::make_unique<LogWorld<Log>>(
      Cluster{.brokers = support::shared_kafka().brokers(), .topic = new_name("contract")});
}

}  // namespace
}  // namespace weir::kafka

namespace weir::intake {
INSTANTIATE_TEST_SUITE_P(RealKafka, EventLogContract,
                         testing::Values(&kafka::make_real_fixture<kafka::KafkaEventLog>));
INSTANTIATE_TEST_SUITE_P(OwnProducer, EventLogContract,
                         testing::Values(&kafka::make_real_fixture<kafka::OwnLog>));
}  // namespace weir::intake

namespace weir::kafka {
namespace {

class RealKafkaTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto missing = support::kafka_missing(); !missing.empty()) GTEST_SKIP() << missing;
  }
  [[nodiscard]] EventLogOptions options(const std::string& brokers) const {
    return {.cluster = {.brokers = brokers, .topic = topic_}, .partitions = 3};
  }
  [[nodiscard]] std::size_t stored_records(const std::string& brokers) const {
    return read_topic(brokers, topic_).size();
  }

  std::unique_ptr<telemetry::Logger> quiet_ = telemetry::make_silent_logger();
  const std::string topic_ = new_name("events");
};

// What both producers must do.
template <class Log>
class WriterTest : public RealKafkaTest {};
using Writers = testing::Types<KafkaEventLog, OwnLog>;
TYPED_TEST_SUITE(WriterTest, Writers);

TEST_F(RealKafkaTest, CreatesTheTopicAndTheOneForDeadLettersOnce) {
  const auto brokers = support::shared_kafka().brokers();
  telemetry::FakeLogger logger;
  for (const bool dlq_too : {false, true, true}) {
    auto asked = options(brokers);
    asked.create_dlq_topic = dlq_too;
    const auto log = open_log(asked, logger);
    ASSERT_TRUE(log->await_up(timeout)) << log->health().reason;
    EXPECT_EQ(log->health().partitions, 3);
    EXPECT_EQ(log->health().log_id, log->topic().cluster_id + "/" + topic_);
  }
  const auto count = [lines = logger.lines()](std::string_view part) {
    return std::ranges::count_if(lines, [&](const std::string& line) { return line.contains(part); });
  };
  EXPECT_EQ(count("topic created"), 1);
  EXPECT_EQ(count("Kafka is not reachable"), 0) << "a new topic without leaders is no failure";
  auto client = open_admin_client({.brokers = brokers}, *quiet_);
  ASSERT_TRUE(client);
  const auto dead_letters = describe_topic(client->get(), dlq_topic(topic_), timeout);
  ASSERT_TRUE(dead_letters) << dead_letters.error().text;
  EXPECT_EQ(dead_letters->partitions, 3);
}

TYPED_TEST(WriterTest, RefusesARecordThatExceedsTheTopicsLimit) {
  const auto& kafka = support::shared_kafka();
  auto asked = this->options(kafka.brokers());
  asked.cluster.topic = kafka.make_topic("narrow", 1, "max.message.bytes=2000");
  const auto log = open_as<TypeParam>(asked, *this->quiet_);
  ASSERT_TRUE(log->await_up(timeout));
  std::string noise;
  for (std::uint32_t seed = 1; noise.size() < 5000; seed = seed * 1664525 + 1013904223)
    noise += static_cast<char>(seed >> 24);
  const auto receipts = append_and_wait(*log, {{"user", noise, {}}});
  EXPECT_EQ(receipts.all, Receipt::not_kept);
  EXPECT_EQ(receipts.why.code, "record_too_large") << receipts.why.text;
  EXPECT_EQ(append_and_wait(*log, {{"user", "small", {}}}).all, Receipt::kept);
}

TEST_F(RealKafkaTest, CopiesADeadLetterToATopicThatItCreates) {
  const auto brokers = support::shared_kafka().brokers();
  std::promise<void> ended;
  KafkaDeadLetterTopic copies({.cluster = {.brokers = brokers, .topic = topic_}, .partitions = 2}, *quiet_,
                              [&] { ended.set_value(); });
  copies.send({.ticket = {},
               .dead_letter = {.reason = "not_json", .key = "k", .value = "v"},
               .source = {topic_, 1, 5}});
  ASSERT_EQ(ended.get_future().wait_for(timeout), std::future_status::ready);
  const auto all = copies.take_results();
  ASSERT_EQ(all.size(), 1);
  EXPECT_FALSE(all[0].failure) << all[0].failure->text;
  EXPECT_EQ(read_topic(brokers, dlq_topic(topic_)).size(), 1);
}

TYPED_TEST(WriterTest, WritesWhatOtherClientsReadWithEachCompression) {
  const auto brokers = support::shared_kafka().brokers();
  for (const char* const compression : {"none", "lz4", "zstd"}) {
    auto asked = this->options(brokers);
    asked.compression = compression;
    asked.cluster.topic = this->topic_ + "-" + compression;
    const auto log = open_as<TypeParam>(asked, *this->quiet_);
    ASSERT_TRUE(log->await_up(timeout));
    std::vector<intake::StoredRecord> records;
    for (int i = 0; i < 3000; ++i)
      records.push_back({"user-" + std::to_string(i % 50), std::string(200, 'v'), {}});
    ASSERT_EQ(append_and_wait(*log, records).all, Receipt::kept);
    EXPECT_EQ(read_topic(brokers, asked.cluster.topic).size(), records.size()) << compression;
  }
}

TYPED_TEST(WriterTest, AcknowledgesNothingWhileTheBrokerIsStoppedAndContinuesAfterwards) {
  support::KafkaServer kafka;
  if (!kafka.ours()) GTEST_SKIP() << "this Kafka must not be stopped";
  const auto log = open_as<TypeParam>(this->options(kafka.brokers()), *this->quiet_);
  ASSERT_TRUE(log->await_up(timeout));
  ASSERT_EQ(append_and_wait(*log, {{"user", "before", {}}}).all, Receipt::kept);

  kill(kafka.pid(), SIGSTOP);
  int status = 0;
  ASSERT_EQ(waitpid(kafka.pid(), &status, WUNTRACED), kafka.pid());  // all its threads have stopped
  const MonoTime stopped_at = read_clock().mono;
  const auto first = append_and_wait(*log, {{"user", "sent", {}}});
  EXPECT_EQ(first.all, Receipt::unknown) << first.why.text;
  EXPECT_LT(read_clock().mono - stopped_at, seconds{10});
  const MonoTime known_at = read_clock().mono;
  const auto next = append_and_wait(*log, {{"user", "refused", {}}});
  EXPECT_EQ(next.all, Receipt::not_kept);
  EXPECT_EQ(next.why.code, "log_away");
  EXPECT_LT(read_clock().mono - known_at, milliseconds{100});
  EXPECT_FALSE(log->health().up);

  kill(kafka.pid(), SIGCONT);
  ASSERT_TRUE(log->await_up(timeout)) << log->health().reason;
  EXPECT_EQ(append_and_wait(*log, {{"user", "after", {}}}).all, Receipt::kept);
  const auto found = this->stored_records(kafka.brokers());
  EXPECT_TRUE(found == 2 || found == 3) << found;  // the record whose outcome is unknown may exist
}

TYPED_TEST(WriterTest, LosesAndDuplicatesNoRecordWhenTheBrokerIsKilledUnderLoad) {
  support::KafkaServer kafka;
  if (!kafka.ours()) GTEST_SKIP() << "this Kafka must not be killed";
  const auto log = open_as<TypeParam>(this->options(kafka.brokers()), *this->quiet_);
  ASSERT_TRUE(log->await_up(timeout));
  // The first producer id of a new broker may take longer than the 500 ms below.
  ASSERT_EQ(append_and_wait(*log, {{"user", "before", {}}}).all, Receipt::kept);
  Answers answers;
  constexpr int requests = 20'000;
  std::thread client([&] {
    for (int i = 0; i < requests; ++i) {
      log->append(request({{std::to_string(i % 100), std::to_string(i), {}}}), answers.expect(i));
      if (i % 10 == 0) std::this_thread::sleep_for(milliseconds{1});
    }
  });
  std::this_thread::sleep_for(milliseconds{500});
  kafka.kill();
  client.join();
  std::map<Receipt, int> counts;
  for (const auto& [number, receipts] : answers.all()) ++counts[receipts.all];
  EXPECT_GT(counts[Receipt::kept], 0);
  EXPECT_GT(counts[Receipt::not_kept], 0);
  kafka.restart();
  ASSERT_TRUE(log->await_up(timeout)) << log->health().reason;
  EXPECT_EQ(append_and_wait(*log, {{"user", "after", {}}}).all, Receipt::kept);

  std::map<std::string, int> found;
  for (const auto& record : read_topic(kafka.brokers(), this->topic_)) ++found[record.value];
  for (const auto& [number, receipts] : answers.all()) {
    const int times = found[std::to_string(number)];
    const int least = receipts.all == Receipt::kept ? 1 : 0;
    const int most = receipts.all == Receipt::not_kept ? 0 : 1;
    EXPECT_TRUE(least <= times && times <= most) << "record " << number << " exists " << times << " times";
  }
}

}  // namespace
}  // namespace weir::kafka
