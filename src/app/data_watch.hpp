// Stops ingest while a file in DATA_DIR is deleted or replaced, and measures the free space there.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "sqlite/event_log.hpp"
#include "sqlite/file_watch.hpp"
#include "telemetry/logger.hpp"

namespace weir::app {

// Owns a thread that checks the files every two seconds. While a file is not in its place, the event log is
// blocked. It then answers appends with not_kept (503), is not ready, and is not pruned. Otherwise events
// would go to a file without a name and be lost at the next start.
//
// The process does not exit, because it still holds the data of the deleted file: an operator can copy it
// from /proc/PID/fd. When the same file is back, the log is unblocked.
class DataWatch {
 public:
  static constexpr std::chrono::milliseconds check_interval{2000};

  // `databases` are open and in one folder. `log` and `logger` must outlive the watch.
  DataWatch(const std::vector<std::filesystem::path>& databases, sqlite::EmbeddedLog& log,
            telemetry::Logger& logger);
  DataWatch(const DataWatch&) = delete;
  DataWatch& operator=(const DataWatch&) = delete;
  // Ends the thread. Does not unblock the log.
  ~DataWatch();

  // Returns the bytes that this process could still write to the folder, as of the last check; nullopt if the
  // file system does not say. Thread-safe.
  [[nodiscard]] std::optional<std::int64_t> free_bytes() const;

 private:
  void run();
  void check_files();
  void measure_space();

  const std::filesystem::path folder_;
  std::atomic<std::int64_t> free_bytes_{-1};  // -1: not known

  // Only the thread uses these four.
  sqlite::FileWatch files_;
  sqlite::EmbeddedLog& log_;
  telemetry::Logger& logger_;
  bool missing_ = false;

  // Ends the thread.
  std::mutex mutex_;  // guards stopping_
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace weir::app
