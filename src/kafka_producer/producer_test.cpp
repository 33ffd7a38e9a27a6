#include "kafka_producer/producer.hpp"

#include <array>
#include <gtest/gtest.h>
#include <map>
#include <random>

#include "base/testing/seeds.hpp"
#include "intake/testing/event_log_fixture.hpp"
#include "kafka_producer/testing/scripted_cluster.hpp"

namespace weir::kafka_producer {
namespace {

using intake::Receipt;
using kafka_protocol::ErrorCode;
using namespace std::chrono_literals;

// Returns a batch with a record for each value. The key of a record is the first byte of its value.
intake::EventBatch batch_of(const std::vector<std::string>& values) {
  std::vector<intake::StoredRecord> records;
  for (const auto& value : values) records.push_back({value.substr(0, 1), value, {}});
  return intake::event_log_contract::request(records);
}

class ProducerTest : public testing::Test {
 protected:
  ProducerTest() : cluster_(2, 4), producer_(settings()) {}
  ~ProducerTest() override {
    producer_.give_up();
    collect_answers();
  }

  static ProducerSettings settings() {
    return {
        .topic = "topic", .bootstrap = {"bootstrap:9092"}, .compression = kafka_protocol::Compression::none};
  }

  int append(const std::vector<std::string>& values) {
    const int request = ++last_request_;
    producer_.append(
        batch_of(values),
        [this, request](intake::Receipts receipts) { ends_[request] = std::move(receipts); }, 1, now_);
    return request;
  }
  void run() {
    producer_.flush(now_);
    cluster_.run(producer_, now_);
    collect_answers();
  }
  void pass(std::chrono::milliseconds time, std::chrono::milliseconds step = 50ms) {
    for (const auto until = now_.mono + time; now_.mono < until;) {
      cluster_.run_after(step, producer_, now_);
      collect_answers();
    }
  }
  void connect() { pass(200ms); }
  void collect_answers() {
    for (auto& answer : producer_.take_answers()) {
      answer.receive(std::move(answer.receipts));
      last_error_ = answer.error;
    }
  }

  Now now_{WallTime{1'700'000'000'000ms}, MonoTime{1h}};
  ScriptedCluster cluster_;
  Producer producer_;
  int last_request_ = 0;
  int last_error_ = 0;
  std::map<int, intake::Receipts> ends_;
};

TEST_F(ProducerTest, SendsOneRequestToABrokerForAllOfItsPartitions) {
  connect();
  const int request = append({"a", "b", "c", "d", "e", "f", "g", "h"});
  run();
  EXPECT_EQ(ends_.at(request).all, Receipt::kept);
  EXPECT_LE(cluster_.produce_requests(), 2U);
  EXPECT_EQ(cluster_.largest_request_batches(), 2U);
}

TEST(ProducerLinger, SendsOneRequestWhenTheFirstRecordHasWaitedThatLong) {
  Now now{WallTime{1'700'000'000'000ms}, MonoTime{1h}};
  ScriptedCluster cluster(1, 4);
  Producer producer({.topic = "topic",
                     .bootstrap = {"bootstrap:9092"},
                     .compression = kafka_protocol::Compression::none,
                     .linger = 20ms});
  const auto pass = [&](std::chrono::milliseconds time) {
    now.mono += time;
    producer.tick(now);
    cluster.run(producer, now);
  };
  for (int i = 0; i < 10; ++i) pass(50ms);
  EXPECT_EQ(producer.flush_at(), MonoTime::max());
  const MonoTime first = now.mono;
  for (const auto* const value : {"a", "b", "c", "d"}) {
    producer.append(batch_of({value}), [](const intake::Receipts&) {}, 1, now);
    producer.flush(now);
    EXPECT_EQ(producer.flush_at(), first + 20ms);
    pass(4ms);
  }
  EXPECT_EQ(cluster.produce_requests(), 0U);
  pass(4ms);
  EXPECT_EQ(cluster.produce_requests(), 1U);
  EXPECT_EQ(producer.flush_at(), MonoTime::max());
  producer.give_up();
}

TEST_F(ProducerTest, KeepsWhatIsAppendedBeforeTheTopicIsKnown) {
  const int request = append({"early"});
  connect();
  EXPECT_EQ(ends_.at(request).all, Receipt::kept);
  EXPECT_EQ(cluster_.times_stored("early"), 1U);
}

TEST_F(ProducerTest, SendsABatchWhoseAnswerWasLostAgainAsItWas) {
  connect();
  int faults = 2;
  cluster_.produce_fault = [&] { return faults-- > 0 ? ProduceFault::lose_response : ProduceFault::none; };
  const int request = append({"a1", "a2"});
  run();
  append({"a3"});
  pass(3s);
  EXPECT_EQ(ends_.at(request).all, Receipt::kept);
  for (const char* value : {"a1", "a2", "a3"}) EXPECT_EQ(cluster_.times_stored(value), 1U) << value;
}

// ADR 10 describes this defect of librdkafka's producer: after a record that a broker refuses, it assigns new
// sequences to the waiting records.
TEST_F(ProducerTest, WritesNoRecordTwiceWhenAnotherOneIsRefusedAndTheConnectionIsLost) {
  connect();
  int requests = 0;
  cluster_.produce_fault = [&] { return requests++ == 1 ? ProduceFault::lose_response : ProduceFault::none; };
  int batches = 0;
  cluster_.batch_fault = [&](std::int32_t) {
    return ScriptedCluster::BatchFault{batches++ == 0 ? ErrorCode::invalid_record : ErrorCode::none};
  };
  const int refused = append({"a-refused"});
  run();
  const int kept = append({"a-written", "a-too"});
  pass(3s);
  EXPECT_EQ(ends_.at(refused).all, Receipt::not_kept);
  EXPECT_EQ(ends_.at(kept).all, Receipt::kept);
  EXPECT_EQ(cluster_.times_stored("a-refused"), 0U);
  EXPECT_EQ(cluster_.times_stored("a-written"), 1U);
  EXPECT_EQ(cluster_.times_stored("a-too"), 1U);
}

TEST_F(ProducerTest, FollowsAPartitionToItsNewLeader) {
  connect();
  for (std::int32_t partition = 0; partition < 4; ++partition) cluster_.move_leader(partition, 1);
  const int request = append({"a", "b", "c", "d"});
  pass(3s);
  EXPECT_EQ(ends_.at(request).all, Receipt::kept);
  EXPECT_EQ(cluster_.times_stored("a"), 1U);
}

TEST_F(ProducerTest, AnswersNotKeptWhatItNeverSent) {
  connect();
  cluster_.is_up = false;
  cluster_.end_connections(producer_, now_);
  const int request = append({"a"});
  pass(8s);
  EXPECT_FALSE(ends_.contains(request));
  pass(1500ms);
  EXPECT_EQ(ends_.at(request).all, Receipt::not_kept);
  EXPECT_EQ(last_error_, local_timed_out);
  EXPECT_TRUE(producer_.take_brokers_lost());
}

TEST_F(ProducerTest, AnswersUnknownWhatWasSentAndNeverAnswered) {
  connect();
  cluster_.produce_fault = [] { return ProduceFault::no_answer; };
  const int request = append({"a"});
  pass(10s);
  EXPECT_EQ(ends_.at(request).all, Receipt::unknown);
  cluster_.produce_fault = nullptr;
  const int next = append({"a2"});
  pass(3s);
  EXPECT_EQ(ends_.at(next).all, Receipt::kept);
  EXPECT_LE(cluster_.times_stored("a"), 1U);
}

TEST_F(ProducerTest, GivesUpABatchThatIsRefusedThreeTimes) {
  connect();
  int tries = 0;
  cluster_.batch_fault = [&](std::int32_t) {
    ++tries;
    return ScriptedCluster::BatchFault{ErrorCode::not_enough_replicas};
  };
  const int request = append({"a"});
  pass(3s);
  EXPECT_EQ(ends_.at(request).all, Receipt::not_kept);
  EXPECT_EQ(last_error_, static_cast<int>(ErrorCode::not_enough_replicas));
  EXPECT_EQ(tries, 3);
}

// The in-sync replicas include a killed broker until its session ends, so the others do not confirm in time.
TEST_F(ProducerTest, TriesABatchThatIsNotReplicatedInTimeUntilItsAnswerIsDue) {
  connect();
  int tries = 0;
  cluster_.batch_fault = [&](std::int32_t) {
    return ScriptedCluster::BatchFault{++tries <= 5 ? ErrorCode::request_timed_out : ErrorCode::none, true};
  };
  const int request = append({"a"});
  pass(8s);
  EXPECT_EQ(ends_.at(request).all, Receipt::kept);
  EXPECT_EQ(tries, 6);
  EXPECT_EQ(cluster_.times_stored("a"), 1U);
}

TEST_F(ProducerTest, TakesANewProducerIdWhenTheBrokersForgotTheSequence) {
  connect();
  append({"a1"});
  run();
  cluster_.forget_producers();
  const int request = append({"a2"});
  pass(3s);
  EXPECT_EQ(ends_.at(request).all, Receipt::kept);
  EXPECT_EQ(cluster_.times_stored("a2"), 1U);
  EXPECT_EQ(producer_.counts().producer_ids, 2U);
}

TEST_F(ProducerTest, HalvesABatchThatIsTooLargeForTheTopic) {
  connect();
  cluster_.batch_bytes_max = 2000;
  std::vector<std::string> values;
  for (int i = 0; i < 20; ++i) values.push_back("a" + std::to_string(i) + std::string(300, 'x'));
  values.push_back("a" + std::string(3000, 'y'));
  const int request = append(values);
  pass(3s);
  const auto& receipts = ends_.at(request);
  ASSERT_EQ(receipts.each.size(), values.size());
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(receipts.each[i], Receipt::kept) << i;
  EXPECT_EQ(receipts.each[20], Receipt::not_kept);
  EXPECT_EQ(last_error_, static_cast<int>(ErrorCode::message_too_large));
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(cluster_.times_stored(values[i]), 1U);
}

TEST_F(ProducerTest, WaitsAsLongAsTheBrokerAsks) {
  connect();
  cluster_.throttle_ms = 1000;
  append({"a"});
  run();
  cluster_.throttle_ms = 0;
  const int request = append({"a2"});
  pass(800ms);
  EXPECT_FALSE(ends_.contains(request));
  pass(400ms);
  EXPECT_EQ(ends_.at(request).all, Receipt::kept);
}

// A broker reads nothing from a client that it throttles. So a request would get no answer in time.
TEST_F(ProducerTest, SendsNothingToABrokerThatThrottlesForLong) {
  connect();
  const auto before = cluster_.requests();
  cluster_.throttle_ms = 60'000;
  for (const auto* const value : {"a", "b", "c", "d", "e", "f"}) append({value});
  run();
  const auto sent = cluster_.requests() - before;
  EXPECT_EQ(sent, 2U);  // one to each broker
  const int waiting = append({"a2"});
  pass(50s);
  EXPECT_EQ(cluster_.requests() - before, sent + 1);  // for metadata, to the bootstrap address
  EXPECT_EQ(ends_.at(waiting).all, Receipt::not_kept);
  cluster_.throttle_ms = 0;
  pass(11s);
  const int later = append({"a3"});
  pass(100ms);
  EXPECT_EQ(ends_.at(later).all, Receipt::kept);
  EXPECT_TRUE(producer_.take_failures().empty());
}

TEST_F(ProducerTest, SaysWhyTheTopicIsNotThere) {
  cluster_.topic_error = ErrorCode::unknown_topic_or_partition;
  const int request = append({"a"});
  pass(10s);
  EXPECT_EQ(ends_.at(request).all, Receipt::not_kept);
  EXPECT_EQ(last_error_, static_cast<int>(ErrorCode::unknown_topic_or_partition));
}

TEST_F(ProducerTest, KeepsTheOrderOfAPartition) {
  connect();
  std::mt19937 random(1);
  cluster_.produce_fault = [&] {
    return random() % 3 == 0 ? ProduceFault::lose_response : ProduceFault::none;
  };
  for (int i = 0; i < 40; ++i) {
    append({"a" + std::to_string(i)});
    if (i % 3 == 0) pass(100ms);
  }
  pass(8s);
  std::vector<std::string> stored;
  for (std::int32_t partition = 0; partition < 4; ++partition)
    for (const auto& record : cluster_.log(partition)) stored.push_back(record.value);
  ASSERT_EQ(stored.size(), 40U);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(stored[static_cast<std::size_t>(i)], "a" + std::to_string(i));
}

// Under all faults: what is `kept` is stored once, `not_kept` never, `unknown` at most once.
class FaultyRun {
 public:
  explicit FaultyRun(std::uint64_t seed)
      : random_(seed),
        brokers_(1 + static_cast<int>(random_() % 3)),
        harm_(2 + random_() % 20),
        cluster_(brokers_, 1 + static_cast<int>(random_() % 6)),
        producer_({.topic = "topic",
                   .bootstrap = {"b1:1", "b2:2"},
                   .compression = kafka_protocol::Compression::none,
                   .batch_bytes_max = 300 + random_() % 3000}) {
    cluster_.produce_fault = [this] {
      return one_in(harm_) ? static_cast<ProduceFault>(1 + random_() % 3) : ProduceFault::none;
    };
    cluster_.batch_fault = [this](std::int32_t) { return draw_batch_fault(); };
  }

  void run() {
    for (int step = 0; step < 300; ++step) {
      if (step < 200 && one_in(2)) append();
      harm_cluster();
      cluster_.run_after(std::chrono::milliseconds{random_() % 400}, producer_, now_);
      deliver();
    }
    producer_.give_up();
    deliver();
  }

  void check() const {
    for (const auto& [value, fate] : fates_) {
      const std::size_t times = cluster_.times_stored(value);
      ASSERT_TRUE(fate.has_value()) << value << " was not answered";
      const std::size_t least = *fate == Receipt::kept ? 1 : 0;
      const std::size_t most = *fate == Receipt::not_kept ? 0 : 1;
      ASSERT_TRUE(least <= times && times <= most)
          << value << " with receipt " << static_cast<int>(*fate) << " is stored " << times << " times";
    }
  }

 private:
  [[nodiscard]] bool one_in(std::uint64_t n) { return random_() % n == 0; }

  ScriptedCluster::BatchFault draw_batch_fault() {
    constexpr std::array errors{ErrorCode::not_enough_replicas, ErrorCode::not_enough_replicas_after_append,
                                ErrorCode::request_timed_out,   ErrorCode::not_leader_or_follower,
                                ErrorCode::invalid_record,      ErrorCode::topic_authorization_failed,
                                ErrorCode::unknown_producer_id, ErrorCode::out_of_order_sequence_number,
                                ErrorCode::kafka_storage_error, ErrorCode::unknown_server_error};
    if (!one_in(harm_)) return {};
    const ErrorCode error = errors[random_() % errors.size()];
    const auto verdict = kafka_protocol::verdict_of(error);
    const bool may_be_written = verdict == kafka_protocol::ProduceVerdict::retry_unsure ||
                                verdict == kafka_protocol::ProduceVerdict::retry_elsewhere;
    return {error, may_be_written && one_in(2)};
  }

  void append() {
    std::vector<intake::StoredRecord> records;
    std::vector<std::string> values;
    for (std::uint64_t i = 0, count = 1 + random_() % 8; i < count; ++i) {
      values.push_back("event " + std::to_string(fates_.size()));
      fates_[values.back()];
      records.push_back(
          {std::string(random_() % 2, static_cast<char>('a' + random_() % 20)), values.back(), {}});
    }
    const auto receive = [this, values](const intake::Receipts& receipts) {
      for (std::size_t i = 0; i < values.size(); ++i) {
        EXPECT_FALSE(fates_[values[i]].has_value()) << "answered twice";
        fates_[values[i]] = receipts.of(i);
      }
    };
    producer_.append(intake::event_log_contract::request(records), receive, 1, now_);
  }

  void harm_cluster() {
    if (one_in(4 * harm_)) cluster_.is_up = !cluster_.is_up;
    if (!cluster_.is_up && one_in(3)) cluster_.end_connections(producer_, now_);
    if (one_in(4 * harm_))
      cluster_.move_leader(0, static_cast<std::int32_t>(random_() % static_cast<unsigned>(brokers_)));
    if (one_in(8 * harm_)) cluster_.forget_producers();
  }

  void deliver() {
    for (auto& answer : producer_.take_answers()) answer.receive(std::move(answer.receipts));
  }

  std::mt19937_64 random_;
  const int brokers_;
  const std::uint64_t harm_;  // a fault comes in one of so many cases
  ScriptedCluster cluster_;
  Producer producer_;
  Now now_{WallTime{1'700'000'000'000ms}, MonoTime{1h}};
  std::map<std::string, std::optional<Receipt>> fates_;
};

TEST(ProducerProperty, EveryReceiptIsTrueRegardlessOfWhatFails) {
  for_each_seed(500, [](std::uint64_t seed) {
    FaultyRun run(seed);
    run.run();
    run.check();
  });
}

}  // namespace
}  // namespace weir::kafka_producer
