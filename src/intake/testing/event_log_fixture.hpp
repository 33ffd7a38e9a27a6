// How tests get at a filler of the EventLog port: what the suite in event_log_contract.hpp asks of its world,
// and the small change of appending and waiting for the answer.
#pragma once

#include <chrono>
#include <condition_variable>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "intake/event_log.hpp"

namespace weir::intake {

struct StandingRecord {
  std::string key;
  std::string value;
  std::optional<std::string> replay_source;  // header weir.replay

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

inline EventBatch request(const std::vector<StandingRecord>& records) {
  EventBatch events;
  for (const auto& record : records) {
    RecordSlice slice;
    slice.key_at = static_cast<std::uint32_t>(events.bytes.size());
    slice.key_bytes = static_cast<std::uint32_t>(record.key.size());
    events.bytes += record.key;
    slice.value_at = static_cast<std::uint32_t>(events.bytes.size());
    slice.value_bytes = static_cast<std::uint32_t>(record.value.size());
    events.bytes += record.value;
    if (record.replay_source) slice.headers = {{"traceparent", ""}, {"weir.replay", *record.replay_source}};
    events.records.push_back(std::move(slice));
  }
  return events;
}

// Collects answers, and sees that each comes once. Must outlive the log that answers.
class Answers {
 public:
  // Says what `place` was answered.
  ReceiptCallback expect(int place) {
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

}  // namespace weir::intake
