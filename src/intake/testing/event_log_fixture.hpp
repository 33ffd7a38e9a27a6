// How tests drive an implementation of the EventLog port: the fixture that event_log_contract.hpp needs for
// each implementation, and functions that append and wait for the receipts.
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

// A record as it is in the log.
struct StoredRecord {
  std::string key;
  std::string value;
  std::optional<std::string> replay_source;  // header weir.replay

  friend auto operator<=>(const StoredRecord&, const StoredRecord&) = default;
};

// Owns one log, which is empty at first. Each implementation derives its own.
class EventLogFixture {
 public:
  EventLogFixture() = default;
  EventLogFixture(const EventLogFixture&) = delete;
  EventLogFixture& operator=(const EventLogFixture&) = delete;
  virtual ~EventLogFixture() = default;

  virtual EventLog& log() = 0;
  // Destroys the implementation, which reports its outstanding appends, and opens the same log again.
  virtual void reopen() = 0;
  // Returns all records in the log. Those of one partition are in order.
  virtual std::vector<StoredRecord> stored_records() = 0;
  // Returns the bound on waiting bytes of the log. It is small, so that a test can exceed it.
  [[nodiscard]] virtual std::size_t waiting_bytes_max() const = 0;
};
using MakeEventLogFixture = std::unique_ptr<EventLogFixture> (*)();

namespace event_log_contract {

// Returns a batch of these records.
inline EventBatch request(const std::vector<StoredRecord>& records) {
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

// Collects receipts, and checks that each append reports exactly once. Thread-safe; must outlive the log.
class Answers {
 public:
  // Returns the callback for the append with this number.
  ReceiptCallback expect(int append) {
    const std::scoped_lock lock(mutex_);
    ++outstanding_;
    return [this, append](Receipts receipts) {
      const std::scoped_lock callback_lock(mutex_);
      EXPECT_FALSE(receipts_.contains(append)) << "reported twice";
      receipts_[append] = std::move(receipts);
      --outstanding_;
      all_reported_.notify_all();
    };
  }

  // Waits for all outstanding receipts and returns them by the number of their append.
  const std::map<int, Receipts>& all() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(all_reported_.wait_for(lock, std::chrono::seconds(30), [this] { return outstanding_ == 0; }));
    return receipts_;
  }
  const Receipts& of(int append) { return all().at(append); }

 private:
  std::mutex mutex_;
  std::condition_variable all_reported_;
  std::map<int, Receipts> receipts_;
  int outstanding_ = 0;
};

// Appends the records as one request, and waits for its receipts.
inline Receipts append_and_wait(EventLog& log, const std::vector<StoredRecord>& records) {
  Answers answers;
  log.append(request(records), answers.expect(0));
  return answers.of(0);
}

}  // namespace event_log_contract

}  // namespace weir::intake
