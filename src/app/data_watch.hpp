// Stops ingest while the embedded files are not where a restart would look for them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#include "sqlite/event_log.hpp"
#include "sqlite/file_watch.hpp"
#include "telemetry/logger.hpp"

namespace weir::app {

// A thread of its own, which looks at the files every two seconds. While one was deleted or replaced, the
// event log takes nothing (503), is not ready and is not pruned: what it took would be lost at the next
// start. It does not leave: the files without a name still hold their data (/proc/PID/fd), and go on where
// they were if they are put back.
class DataWatch {
 public:
  static constexpr std::chrono::milliseconds look_every{2000};

  // What is referred to outlives the watch.
  DataWatch(const std::vector<std::filesystem::path>& databases, sqlite::EmbeddedLog& events,
            telemetry::Logger& logger);
  DataWatch(const DataWatch&) = delete;
  DataWatch& operator=(const DataWatch&) = delete;
  ~DataWatch();

 private:
  void run();
  void look();

  sqlite::FileWatch files_;
  sqlite::EmbeddedLog& events_;
  telemetry::Logger& logger_;
  bool missing_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace weir::app
