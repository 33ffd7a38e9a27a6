// Retention of the embedded log: deletes old segments whose events are durably in the store.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/settled_clock.hpp"
#include "consumer/status.hpp"
#include "sqlite/event_log.hpp"
#include "telemetry/logger.hpp"

namespace weir::app {

// RETENTION_LOG_HOURS and DEDUP_WINDOW_SEC.
struct LogRetentionSettings {
  std::chrono::hours log_retention{72};  // 0: events stay in the log forever
  std::chrono::seconds dedup_window{600};
  std::chrono::milliseconds interval{5000};  // from the end of one round to the start of the next
};

// Returns the offset before which every event of the embedded log is in the store. That is next_offset of
// partition 0, while this process holds the partition and it is live. Returns std::nullopt otherwise. While a
// partition is opened or refused, its ledger row may describe another log, and so may the row of another
// partition (Kafka's).
[[nodiscard]] std::optional<std::int64_t> counted_to(const consumer::Status& status);

// Owns a thread that does one round every few seconds:
//   1. It asks up to which offset the events are in the store.
//   2. It makes the store durable, so that these numbers survive a power failure (SQLite: a checkpoint;
//      PostgreSQL: each commit is durable already). This also keeps SQLite's WAL small.
//   3. If step 2 was complete, it prunes segments that lie wholly before the offset of step 1. A segment must
//      also be older than the retention and than the dedupe window. Without an offset it prunes nothing.
class LogRetention {
 public:
  // Step 1: returns counted_to() of the current status. Called on the thread of this object.
  using CountedOffset = std::function<std::optional<std::int64_t>()>;
  // Step 2: returns true if everything that was committed before the call survives a power failure. Returns
  // false if that is not complete yet (a reader blocks the checkpoint). Called on the thread of this object.
  using MakeDurable = std::function<Result<bool>()>;

  // All references, and everything that the functions use, must outlive the object. `on_fatal` is called at
  // most once, on the thread of this object, after an error of ErrorKind::internal; the thread then ends.
  LogRetention(LogRetentionSettings settings, CountedOffset counted, MakeDurable make_durable,
               sqlite::EmbeddedLog& log, telemetry::Logger& logger,
               std::function<void(const Error&)> on_fatal);
  LogRetention(const LogRetention&) = delete;
  LogRetention& operator=(const LogRetention&) = delete;
  ~LogRetention();  // waits for the current round

  // Does one round. For tests, which call it while the thread waits for its next round.
  Result<void> round(WallTime now);

 private:
  void run();

  const LogRetentionSettings settings_;
  const CountedOffset counted_;
  const MakeDurable make_durable_;
  sqlite::EmbeddedLog& log_;
  telemetry::Logger& logger_;
  const std::function<void(const Error&)> on_fatal_;

  SettledClock clock_;  // used by the thread only

  std::mutex mutex_;  // guards stopping_
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace weir::app
