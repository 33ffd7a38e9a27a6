// What must be done now and then to the embedded files so that they do not grow for ever.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/clock.hpp"
#include "observe/log.hpp"
#include "report/metrics_reader.hpp"
#include "sqlite/event_log.hpp"

namespace weir::app {

struct UpkeepSettings {
  std::chrono::hours log_retention{72};  // 0: events stay in the log for ever
  std::chrono::seconds dedup_window{600};
  std::chrono::milliseconds pause{5000};  // between two rounds
};

// A thread of its own, which every few seconds
//   1. reads how far the numbers go,
//   2. settles the store, so that they survive a power cut (SQLite: a checkpoint; PostgreSQL: they do already),
//   3. and only if that was complete lets the log forget what is older than both the retention and the dedupe
//      window, and stands before what was read in 1.
class Upkeep {
 public:
  // True: what was committed before the call survives a power cut. Called on this thread only.
  using Settle = std::function<Result<bool>()>;

  // What is referred to outlives the upkeep.
  Upkeep(UpkeepSettings settings, Settle settle, report::MetricsReader& reader, sqlite::EmbeddedLog& events,
         observe::Log& log, std::function<void(const Error&)> fatal);
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;
  ~Upkeep();  // waits for the round under way

  // One round, as the thread does it; for a test, while the thread pauses.
  Result<void> round(WallTime now);

 private:
  void run();

  const UpkeepSettings settings_;
  const Settle settle_;
  report::MetricsReader& reader_;
  sqlite::EmbeddedLog& events_;
  observe::Log& log_;
  const std::function<void(const Error&)> fatal_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace weir::app
