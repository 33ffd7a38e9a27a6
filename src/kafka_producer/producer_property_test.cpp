// A producer whose brokers send changed responses, in parts of any size: it does not crash, and it answers
// each append() exactly once. If a broker's answer is changed, a receipt may be false; ProducerProperty
// (producer_test.cpp) checks that receipts are true.
#include <gtest/gtest.h>
#include <iostream>
#include <random>

#include "base/testing/seeds.hpp"
#include "intake/testing/event_log_fixture.hpp"
#include "kafka_producer/testing/scripted_cluster.hpp"
#include "kafka_protocol/testing/mutated.hpp"

namespace weir::kafka_producer {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view login_message{"\0user\0password", 14};

class FuzzedRun {
 public:
  explicit FuzzedRun(std::uint64_t seed)
      : random_(seed),
        has_login_(random_() % 2 == 0),
        harm_(1 + random_() % 12),
        cluster_(1 + static_cast<int>(random_() % 3), 1 + static_cast<int>(random_() % 6)),
        producer_(settings()) {
    if (has_login_) {
      cluster_.login = login_message;
      cluster_.login_lifetime = std::chrono::milliseconds{random_() % 3 == 0 ? 0 : 4000};
    }
    cluster_.change_response = [this](std::string response) { return parts_of(std::move(response)); };
  }

  void run() {
    for (int step = 0; step < 120; ++step) {
      if (step < 100) append();
      cluster_.run_after(std::chrono::milliseconds{random_() % 600}, producer_, now_);
      deliver();
    }
    producer_.give_up();
    deliver();
    for (std::size_t i = 0; i < answers_.size(); ++i)
      ASSERT_EQ(answers_[i], 1) << "answers to append number " << i;
    ASSERT_EQ(producer_.open_requests(), 0U);
  }
  [[nodiscard]] std::size_t changed() const { return changed_; }
  [[nodiscard]] std::size_t produced() const { return cluster_.produce_requests(); }

 private:
  ProducerSettings settings() const {
    ProducerSettings settings{.topic = "topic",
                              .bootstrap = {"b1:1", "b2:2"},
                              .compression = kafka_protocol::Compression::none,
                              .batch_bytes_max = 300};
    if (has_login_) settings.login = {sasl::Mechanism::plain, "user", "password"};
    return settings;
  }

  std::vector<std::string> parts_of(std::string response) {
    if (random_() % harm_ == 0) {
      ++changed_;
      // Half of the changes keep the frame, so that they reach the parser of the body.
      constexpr std::size_t frame_bytes = 8;
      response = random_() % 2 == 0 ? kafka_protocol::mutated(std::move(response), random_)
                                    : framed(kafka_protocol::mutated(response.substr(frame_bytes), random_),
                                             response.substr(4, 4));
    }
    std::vector<std::string> parts;
    for (std::size_t at = 0; at < response.size();) {
      parts.push_back(response.substr(at, 1 + random_() % (response.size() + 1)));
      at += parts.back().size();
    }
    return parts;
  }
  static std::string framed(const std::string& body, const std::string& correlation) {
    const std::size_t size = body.size() + correlation.size();
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift);
    return bytes + correlation + body;
  }

  void append() {
    std::vector<intake::StoredRecord> records(1 + random_() % 5);
    for (auto& record : records) {
      record.key = static_cast<char>('a' + random_() % 20);
      record.value.assign(1 + random_() % 60, 'v');
    }
    const std::size_t number = answers_.size();
    answers_.push_back(0);
    producer_.append(
        intake::event_log_contract::request(records),
        [this, number](const intake::Receipts&) { ++answers_[number]; }, 1, now_);
  }
  void deliver() {
    for (auto& answer : producer_.take_answers()) answer.receive(std::move(answer.receipts));
  }

  std::mt19937_64 random_;
  const bool has_login_;
  const std::uint64_t harm_;  // one of so many responses is changed
  ScriptedCluster cluster_;
  Producer producer_;
  Now now_{WallTime{1'700'000'000'000ms}, MonoTime{1h}};
  std::vector<int> answers_;
  std::size_t changed_ = 0;
};

TEST(ProducerFuzzProperty, EachAppendIsAnsweredOnceForAnyBytesOfBrokers) {
  std::size_t changed = 0;
  std::size_t produced = 0;
  for_each_seed(300, [&](std::uint64_t seed) {
    FuzzedRun run(seed);
    run.run();
    changed += run.changed();
    produced += run.produced();
  });
  std::cout << changed << " changed responses, " << produced << " Produce requests\n";
  EXPECT_GT(changed, 0U);
  EXPECT_TRUE(produced > 0 || one_seed_was_asked_for());
}

}  // namespace
}  // namespace weir::kafka_producer
