// The event log on a real Kafka: the port's contract, and what happens when the broker is stopped or killed.
#include <csignal>
#include <future>
#include <sys/wait.h>

#include "intake/testing/event_log_contract.hpp"
#include "kafka/dead_letter_topic.hpp"
#include "kafka/testing/event_log_fixture.hpp"
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

constexpr seconds patience{30};

// A name that no other test of this cluster has.
std::string new_name(std::string_view name) {
  return std::string(name) + "-" +
         std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
}

std::unique_ptr<intake::EventLogWorld> make_real_world() {
  return std::make_unique<KafkaLogWorld>(
      Cluster{.brokers = support::shared_kafka().brokers(), .topic = new_name("contract")});
}

}  // namespace
}  // namespace weir::kafka

namespace weir::intake {
INSTANTIATE_TEST_SUITE_P(RealKafka, EventLogContract, testing::Values(&kafka::make_real_world));
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
  [[nodiscard]] std::size_t standing(const std::string& brokers) const {
    return read_topic(brokers, topic_).size();
  }

  std::unique_ptr<telemetry::Logger> quiet_ = telemetry::make_silent_logger();
  const std::string topic_ = new_name("events");
};

TEST_F(RealKafkaTest, MakesTheTopicAndTheOneForLettersOnce) {
  const auto brokers = support::shared_kafka().brokers();
  telemetry::FakeLogger said;
  for (const bool letters_too : {false, true, true}) {
    auto asked = options(brokers);
    asked.make_letters_too = letters_too;
    const auto log = open_log(asked, said);
    ASSERT_TRUE(log->await_up(patience)) << log->health().reason;
    EXPECT_EQ(log->health().partitions, 3);
    EXPECT_EQ(log->health().log_id, log->topic().cluster_id + "/" + topic_);
  }
  const auto count = [lines = said.lines()](std::string_view part) {
    return std::ranges::count_if(lines, [&](const std::string& line) { return line.contains(part); });
  };
  EXPECT_EQ(count("made the topic"), 1);
  EXPECT_EQ(count("Kafka is away"), 0) << "a topic whose leaders are still to come is no reason";
  auto inquirer = open_admin_client({.brokers = brokers}, *quiet_);
  ASSERT_TRUE(inquirer);
  const auto letters = describe_topic(inquirer->get(), dlq_topic(topic_), patience);
  ASSERT_TRUE(letters) << letters.error().text;
  EXPECT_EQ(letters->partitions, 3);
}

TEST_F(RealKafkaTest, RefusesAtOnceWhatTheTopicHasNoRoomFor) {
  const auto& kafka = support::shared_kafka();
  auto asked = options(kafka.brokers());
  asked.cluster.topic = kafka.make_topic("narrow", 1, "max.message.bytes=2000");
  const auto log = open_log(asked, *quiet_);
  ASSERT_TRUE(log->await_up(patience));
  std::string noise;
  for (std::uint32_t seed = 1; noise.size() < 5000; seed = seed * 1664525 + 1013904223)
    noise += static_cast<char>(seed >> 24);
  const auto receipts = append_and_wait(*log, {{"user", noise, {}}});
  EXPECT_EQ(receipts.all, Receipt::not_kept);
  EXPECT_EQ(receipts.why.code, "record_too_large") << receipts.why.text;
  EXPECT_EQ(append_and_wait(*log, {{"user", "small", {}}}).all, Receipt::kept);
}

TEST_F(RealKafkaTest, CopiesALetterToATopicThatItMakes) {
  const auto brokers = support::shared_kafka().brokers();
  std::promise<void> ended;
  KafkaDeadLetterTopic copies({.cluster = {.brokers = brokers, .topic = topic_}, .partitions = 2}, *quiet_,
                              [&] { ended.set_value(); });
  copies.send(
      {.ticket = {}, .dead_letter = {.reason = "not_json", .key = "k", .value = "v"}, .source = {topic_, 1, 5}});
  ASSERT_EQ(ended.get_future().wait_for(patience), std::future_status::ready);
  const auto all = copies.take_results();
  ASSERT_EQ(all.size(), 1);
  EXPECT_FALSE(all[0].failure) << all[0].failure->text;
  EXPECT_EQ(read_topic(brokers, dlq_topic(topic_)).size(), 1);
}

TEST_F(RealKafkaTest, PromisesNothingWhileTheBrokerIsStoppedAndGoesOnAfterwards) {
  support::KafkaServer kafka;
  if (!kafka.ours()) GTEST_SKIP() << "not our Kafka to stop";
  const auto log = open_log(options(kafka.brokers()), *quiet_);
  ASSERT_TRUE(log->await_up(patience));
  ASSERT_EQ(append_and_wait(*log, {{"user", "before", {}}}).all, Receipt::kept);

  kill(kafka.pid(), SIGSTOP);
  int status = 0;
  ASSERT_EQ(waitpid(kafka.pid(), &status, WUNTRACED), kafka.pid());  // all its threads stand still
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
  ASSERT_TRUE(log->await_up(patience)) << log->health().reason;
  EXPECT_EQ(append_and_wait(*log, {{"user", "after", {}}}).all, Receipt::kept);
  const auto found = standing(kafka.brokers());
  EXPECT_TRUE(found == 2 || found == 3) << found;  // what was unknown may be there
}

TEST_F(RealKafkaTest, BreaksNoPromiseWhenTheBrokerIsKilledUnderLoadAndStartedAgain) {
  support::KafkaServer kafka;
  if (!kafka.ours()) GTEST_SKIP() << "not our Kafka to kill";
  const auto log = open_log(options(kafka.brokers()), *quiet_);
  ASSERT_TRUE(log->await_up(patience));
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
  std::map<Receipt, int> told;
  for (const auto& [place, receipts] : answers.all()) ++told[receipts.all];
  EXPECT_GT(told[Receipt::kept], 0);
  EXPECT_GT(told[Receipt::not_kept], 0);
  kafka.restart();
  ASSERT_TRUE(log->await_up(patience)) << log->health().reason;
  EXPECT_EQ(append_and_wait(*log, {{"user", "after", {}}}).all, Receipt::kept);

  std::map<std::string, int> found;
  for (const auto& record : read_topic(kafka.brokers(), topic_)) ++found[record.value];
  for (const auto& [place, receipts] : answers.all()) {
    const int times = found[std::to_string(place)];
    const int least = receipts.all == Receipt::kept ? 1 : 0;
    const int most = receipts.all == Receipt::not_kept ? 0 : 1;
    EXPECT_TRUE(least <= times && times <= most) << place << " stands there " << times << " times";
  }
}

}  // namespace
}  // namespace weir::kafka
