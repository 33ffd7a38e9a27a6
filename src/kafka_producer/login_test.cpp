#include <gtest/gtest.h>

#include "intake/testing/event_log_fixture.hpp"
#include "kafka_producer/producer.hpp"
#include "kafka_producer/testing/scripted_cluster.hpp"

namespace weir::kafka_producer {
namespace {

using intake::Receipt;
namespace event_log_contract = intake::event_log_contract;
using namespace std::chrono_literals;

class LoginTest : public testing::Test {
 protected:
  LoginTest() : cluster_(2, 4) { cluster_.login = std::string("\0ada\0pencil", 11); }
  ~LoginTest() override {
    if (!producer_) return;
    producer_->give_up();
    collect();
  }

  void open(const std::string& password, sasl::Mechanism mechanism = sasl::Mechanism::plain) {
    producer_.emplace(ProducerSettings{.topic = "topic",
                                       .bootstrap = {"bootstrap:9092"},
                                       .compression = kafka_protocol::Compression::none,
                                       .login = sasl::Credentials{mechanism, "ada", password}});
  }
  void append(const std::string& value) {
    producer_->append(
        event_log_contract::request({{"", value, {}}}),
        [this](const intake::Receipts& receipts) { receipts_.push_back(receipts.all); }, 1, now_);
  }
  void collect() {
    for (auto& answer : producer_->take_answers()) {
      answer.receive(std::move(answer.receipts));
      error_ = answer.error;
    }
    for (auto& failure : producer_->take_failures()) failures_.push_back(std::move(failure));
  }
  void pass(std::chrono::milliseconds time) {
    for (const auto until = now_.mono + time; now_.mono < until;) {
      cluster_.run_after(50ms, *producer_, now_);
      collect();
    }
  }

  Now now_{WallTime{1'700'000'000'000ms}, MonoTime{1h}};
  ScriptedCluster cluster_;
  std::optional<Producer> producer_;
  std::vector<Receipt> receipts_;
  std::vector<ConnectionFailure> failures_;
  int error_ = 0;
};

TEST_F(LoginTest, LogsInOnEachConnectionAndWrites) {
  open("pencil");
  for (const auto* const value : {"one", "two", "three", "four"}) append(value);
  pass(1s);
  EXPECT_EQ(receipts_, std::vector<Receipt>(4, Receipt::kept));
  EXPECT_GE(cluster_.logins(), 2);
  EXPECT_TRUE(failures_.empty());
}

TEST_F(LoginTest, ReportsARefusedLoginWithoutThePassword) {
  open("wrong-pencil");
  append("one");
  pass(10s);
  EXPECT_EQ(receipts_, std::vector{Receipt::not_kept});
  EXPECT_EQ(error_, local_login_failed);
  ASSERT_FALSE(failures_.empty());
  for (const auto& failure : failures_) {
    EXPECT_EQ(failure.broker, "bootstrap:9092");
    EXPECT_EQ(failure.error, local_login_failed);
    EXPECT_EQ(failure.why, "the broker refused the login: Invalid username or password");
  }
  EXPECT_LE(failures_.size(), 15U);  // about one each second
}

TEST_F(LoginTest, NamesTheMechanismsThatTheBrokerSupports) {
  open("pencil", sasl::Mechanism::scram_sha_256);
  pass(200ms);
  ASSERT_FALSE(failures_.empty());
  EXPECT_EQ(failures_.front().why,
            "the broker does not support the SASL mechanism SCRAM-SHA-256; it supports PLAIN");
}

TEST_F(LoginTest, WritesOnceThePasswordIsRight) {
  open("pencil");
  cluster_.login = "another password";
  append("one");
  pass(2s);
  EXPECT_TRUE(receipts_.empty());
  cluster_.login = std::string("\0ada\0pencil", 11);
  pass(3s);
  EXPECT_EQ(receipts_, std::vector{Receipt::kept});
}

TEST_F(LoginTest, LogsInAgainBeforeTheLifetimeEnds) {
  cluster_.login_lifetime = 3s;
  open("pencil");
  for (int i = 0; i < 300; ++i) {
    append("event " + std::to_string(i));
    pass(100ms);
  }
  EXPECT_EQ(receipts_, std::vector<Receipt>(300, Receipt::kept));
  EXPECT_GE(cluster_.logins(), 30);
  EXPECT_TRUE(failures_.empty()) << failures_.front().why;
  for (int i = 0; i < 300; ++i) EXPECT_EQ(cluster_.times_stored("event " + std::to_string(i)), 1U);
}

// The lifetime is a number of the broker.
TEST_F(LoginTest, DoesNotLogInAgainIfTheLifetimeIsTheLargestNumber) {
  cluster_.login_lifetime = std::chrono::milliseconds::max();
  open("pencil");
  append("one");
  pass(2s);
  EXPECT_EQ(receipts_, std::vector{Receipt::kept});
  const auto logins = cluster_.logins();
  pass(20s);
  EXPECT_EQ(cluster_.logins(), logins);
}

}  // namespace
}  // namespace weir::kafka_producer
