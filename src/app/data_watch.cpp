#include "app/data_watch.hpp"

#include <system_error>

// The thread waits for check_interval, then checks without holding the mutex. It acts and logs only when the
// state changes. The destructor sets stopping_ and joins. The free space is measured here and not by health
// probes, because statvfs() on a network file system may block.
namespace weir::app {

DataWatch::DataWatch(const std::vector<std::filesystem::path>& databases, sqlite::EmbeddedLog& log,
                     telemetry::Logger& logger)
    : folder_(databases.front().parent_path()),
      files_(databases),
      log_(log),
      logger_(logger),
      thread_([this] { run(); }) {}

DataWatch::~DataWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  thread_.join();
}

void DataWatch::run() {
  measure_space();
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, check_interval, [this] { return stopping_; })) {
    lock.unlock();
    check_files();
    measure_space();
    lock.lock();
  }
}

void DataWatch::measure_space() {
  std::error_code failed;
  const std::filesystem::space_info space = std::filesystem::space(folder_, failed);
  free_bytes_ = failed ? -1 : static_cast<std::int64_t>(space.available);
}

std::optional<std::int64_t> DataWatch::free_bytes() const {
  const std::int64_t free = free_bytes_;
  if (free < 0) return std::nullopt;
  return free;
}

void DataWatch::check_files() {
  const auto missing = files_.find_missing();
  // Nothing has changed since the last check, so it was acted on already.
  if (missing.has_value() == missing_) return;
  missing_ = missing.has_value();
  if (!missing) {
    log_.block("");
    logger_.info("the files in DATA_DIR are in place again; events are accepted");
    return;
  }
  log_.block(*missing + " while Weir runs");
  logger_.error(
      "a file in DATA_DIR is missing; events are refused. Put the file back, or copy it from /proc/PID/fd "
      "before you stop Weir: a restart loses what only this process holds",
      {{"reason", *missing}});
}

}  // namespace weir::app
