// Retention of the embedded log, and the checkpoints of the store that it depends on.
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

struct UpkeepSettings {
  std::chrono::hours log_retention{72};  // 0: events stay in the log for ever
  std::chrono::seconds dedup_window{600};
  std::chrono::milliseconds pause{5000};  // between two rounds
};

// Returns the offset before which every event of the embedded log is in the store: next_offset of partition
// 0, while this process holds that partition and it is live. Returns nothing otherwise: a partition that is
// being opened or is refused may have a ledger row that describes another log, and so may a row of another
// partition (Kafka's).
[[nodiscard]] std::optional<std::int64_t> counted_to(const consumer::Status& status);

// A thread of its own, which every few seconds
//   1. asks up to which offset the events of this log are counted,
//   2. settles the store, so that they survive a power cut (SQLite: a checkpoint; PostgreSQL: they do already),
//   3. and only if that was complete, prunes the segments that lie wholly before the offset of 1 and are older than
//      both the retention and the dedupe window. Without such an offset nothing is pruned.
class LogRetention {
 public:
  // counted_to() of this moment. Called on this thread only.
  using Counted = std::function<std::optional<std::int64_t>()>;
  // True: what was committed before the call survives a power cut. Called on this thread only.
  using Settle = std::function<Result<bool>()>;

  // What is referred to, also by the functions, outlives the upkeep.
  LogRetention(UpkeepSettings settings, Counted counted, Settle settle, sqlite::EmbeddedLog& events,
               telemetry::Logger& logger, std::function<void(const Error&)> fatal);
  LogRetention(const LogRetention&) = delete;
  LogRetention& operator=(const LogRetention&) = delete;
  ~LogRetention();  // waits for the round under way

  // One round, as the thread does it; for a test, while the thread pauses.
  Result<void> round(WallTime now);

 private:
  void run();

  const UpkeepSettings settings_;
  const Counted counted_;
  const Settle settle_;
  sqlite::EmbeddedLog& events_;
  telemetry::Logger& logger_;
  const std::function<void(const Error&)> fatal_;

  SettledClock clock_;  // the thread's

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace weir::app
