// What every filler of the EventLog port must do: one suite for the fake, the embedded log and Kafka. Include it in
// one test file of the filler, derive an EventLogWorld, and
//
//   INSTANTIATE_TEST_SUITE_P(Embedded, EventLogContract, testing::Values(&make_embedded_world));
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "intake/event_log.hpp"

namespace weir::intake {

struct StandingRecord {
  std::string key;
  std::string value;
  std::vector<std::pair<std::string, std::string>> headers;

  friend auto operator<=>(const StandingRecord&, const StandingRecord&) = default;
};

// A log of its own, empty at first.
class EventLogWorld {
 public:
  EventLogWorld() = default;
  EventLogWorld(const EventLogWorld&) = delete;
  EventLogWorld& operator=(const EventLogWorld&) = delete;
  virtual ~EventLogWorld() = default;

  virtual EventLog& log() = 0;
  // Takes the filler down, which answers what is open, and makes a new one of the same log.
  virtual void reopen() = 0;
  // All that stands in the log; of each partition in order.
  virtual std::vector<StandingRecord> standing() = 0;
  // The bound on waiting bytes that it was opened with; small enough for a test to go beyond.
  [[nodiscard]] virtual std::size_t waiting_bytes_max() const = 0;
};
using MakeEventLogWorld = std::unique_ptr<EventLogWorld> (*)();

namespace event_log_contract {

inline Append request(const std::vector<StandingRecord>& records) {
  Append events;
  for (const auto& record : records) {
    RecordSlice slice;
    slice.key_at = static_cast<std::uint32_t>(events.bytes.size());
    slice.key_bytes = static_cast<std::uint32_t>(record.key.size());
    events.bytes += record.key;
    slice.value_at = static_cast<std::uint32_t>(events.bytes.size());
    slice.value_bytes = static_cast<std::uint32_t>(record.value.size());
    events.bytes += record.value;
    for (const auto& [name, value] : record.headers) slice.headers.push_back({name, value});
    events.records.push_back(std::move(slice));
  }
  return events;
}

// Collects answers, and sees that each comes once. Must outlive the log that answers.
class Answers {
 public:
  // Says what `place` was answered.
  Receive expect(int place) {
    const std::scoped_lock lock(mutex_);
    ++open_;
    return [this, place](Receipts receipts) {
      const std::scoped_lock answer_lock(mutex_);
      EXPECT_FALSE(receipts_.contains(place)) << "answered twice";
      receipts_[place] = std::move(receipts);
      --open_;
      answered_.notify_all();
    };
  }

  // All of them, once they are there.
  const std::map<int, Receipts>& all() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(answered_.wait_for(lock, std::chrono::seconds(30), [this] { return open_ == 0; }));
    return receipts_;
  }
  const Receipts& of(int place) { return all().at(place); }

 private:
  std::mutex mutex_;
  std::condition_variable answered_;
  std::map<int, Receipts> receipts_;
  int open_ = 0;
};

inline Receipts append_and_wait(EventLog& log, const std::vector<StandingRecord>& records) {
  Answers answers;
  log.append(request(records), answers.expect(0));
  return answers.of(0);
}

}  // namespace event_log_contract

class EventLogContract : public testing::TestWithParam<MakeEventLogWorld> {
 protected:
  std::unique_ptr<EventLogWorld> world_ = GetParam()();
};

TEST_P(EventLogContract, KeepsTheBytesAsTheyCame) {
  using namespace std::string_literals;
  const std::vector<StandingRecord> records{
      {"user", R"({"user_id":"user"})", {}},
      {"", "no key", {}},
      {"no value", "", {}},
      {"\0\xff\n"s, "\0 any \x80 byte \0"s, {{"weir.replay", "topic/0/17"}, {"traceparent", ""}}},
      {std::string(256, 'k'), std::string(60'000, 'v'), {}},
  };
  const auto receipts = event_log_contract::append_and_wait(world_->log(), records);
  EXPECT_EQ(receipts.all, Receipt::kept);
  EXPECT_TRUE(receipts.each.empty());
  auto found = world_->standing();
  auto wanted = records;
  std::ranges::sort(found);
  std::ranges::sort(wanted);
  EXPECT_EQ(found, wanted);
}

TEST_P(EventLogContract, KeepsTheOrderOfOneKey) {
  std::vector<StandingRecord> wanted;
  for (int request = 0; request < 20; ++request) {
    std::vector<StandingRecord> records;
    for (int i = 0; i < 10; ++i) records.push_back({"user", std::to_string(request * 10 + i), {}});
    EXPECT_EQ(event_log_contract::append_and_wait(world_->log(), records).all, Receipt::kept);
    wanted.insert(wanted.end(), records.begin(), records.end());
  }
  EXPECT_EQ(world_->standing(), wanted);
}

TEST_P(EventLogContract, AnswersARequestOfNothing) {
  EXPECT_EQ(event_log_contract::append_and_wait(world_->log(), {}).all, Receipt::kept);
  EXPECT_TRUE(world_->standing().empty());
}

TEST_P(EventLogContract, TakesManyRequestsAtATime) {
  constexpr int threads = 8;
  constexpr int requests = 50;
  event_log_contract::Answers answers;
  std::vector<std::thread> clients;
  for (int client = 0; client < threads; ++client)
    clients.emplace_back([&, client] {
      for (int i = 0; i < requests; ++i) {
        const std::string user = std::to_string(client);
        const int place = client * requests + i;
        world_->log().append(event_log_contract::request({{user, std::to_string(2 * i), {}},  //
                                                          {user, std::to_string(2 * i + 1), {}}}),
                             answers.expect(place));
      }
    });
  for (auto& client : clients) client.join();
  for (const auto& [place, receipts] : answers.all()) EXPECT_EQ(receipts.all, Receipt::kept);
  std::map<std::string, std::vector<std::string>> found;
  for (const auto& record : world_->standing()) found[record.key].push_back(record.value);
  ASSERT_EQ(found.size(), threads);
  for (const auto& [user, values] : found) {
    ASSERT_EQ(values.size(), 2 * requests);
    for (int i = 0; i < 2 * requests; ++i) EXPECT_EQ(values[static_cast<std::size_t>(i)], std::to_string(i));
  }
}

TEST_P(EventLogContract, KeepsWhatItPromisedWhenItIsOpenedAgain) {
  const std::vector<StandingRecord> first{{"a", "1", {}}, {"b", "2", {}}};
  EXPECT_EQ(event_log_contract::append_and_wait(world_->log(), first).all, Receipt::kept);
  const auto before = world_->log().health();
  world_->reopen();
  const auto after = world_->log().health();
  EXPECT_EQ(after.log_id, before.log_id);
  EXPECT_EQ(after.end, before.end);
  EXPECT_EQ(event_log_contract::append_and_wait(world_->log(), {{"c", "3", {}}}).all, Receipt::kept);
  auto found = world_->standing();
  std::ranges::sort(found);
  EXPECT_EQ(found, (std::vector<StandingRecord>{{"a", "1", {}}, {"b", "2", {}}, {"c", "3", {}}}));
}

TEST_P(EventLogContract, RefusesAtOnceWhatIsOverItsBound) {
  const auto refused = event_log_contract::append_and_wait(
      world_->log(), {{"large", std::string(world_->waiting_bytes_max() + 1, 'x'), {}}});
  EXPECT_EQ(refused.all, Receipt::not_kept);
  EXPECT_EQ(refused.why.code, "log_full");
  EXPECT_EQ(refused.why.move, Move::peer);
  EXPECT_EQ(event_log_contract::append_and_wait(world_->log(), {{"small", "x", {}}}).all, Receipt::kept);
  EXPECT_EQ(world_->standing(), (std::vector<StandingRecord>{{"small", "x", {}}}));
}

TEST_P(EventLogContract, AnswersWhatIsOpenWhenItGoesAndMeansIt) {
  event_log_contract::Answers answers;
  for (int i = 0; i < 200; ++i)
    world_->log().append(event_log_contract::request({{"user", std::to_string(i), {}}}), answers.expect(i));
  world_->reopen();
  std::set<std::string> found;
  for (const auto& record : world_->standing()) found.insert(record.value);
  ASSERT_EQ(answers.all().size(), 200);
  for (const auto& [place, receipts] : answers.all()) {
    if (receipts.all == Receipt::unknown) continue;
    EXPECT_EQ(found.contains(std::to_string(place)), receipts.all == Receipt::kept) << place;
  }
}

TEST_P(EventLogContract, SaysHowFarItIs) {
  const auto before = world_->log().health();
  EXPECT_TRUE(before.up);
  EXPECT_EQ(before.reason, "");
  EXPECT_NE(before.log_id, "");
  event_log_contract::append_and_wait(world_->log(), {{"a", "1", {}}, {"b", "2", {}}, {"c", "3", {}}});
  EXPECT_EQ(world_->log().health().end, before.end + 3);
}

}  // namespace weir::intake
