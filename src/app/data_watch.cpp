#include "app/data_watch.hpp"

namespace weir::app {

DataWatch::DataWatch(const std::vector<std::filesystem::path>& databases, sqlite::EmbeddedLog& events,
                     telemetry::Logger& logger)
    : files_(databases), events_(events), logger_(logger), thread_([this] { run(); }) {}

DataWatch::~DataWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void DataWatch::run() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, look_every, [this] { return stopping_; })) {
    lock.unlock();
    look();
    lock.lock();
  }
}

void DataWatch::look() {
  const auto missing = files_.find_missing();
  if (missing.has_value() == missing_) return;
  missing_ = missing.has_value();
  if (!missing) {
    events_.block("");
    logger_.info("the files in DATA_DIR are in their places again; events are accepted");
    return;
  }
  events_.block(*missing + " while Weir runs");
  logger_.error(
      "a file in DATA_DIR is missing; no event is accepted until it is back or Weir is restarted, since a "
      "restart "
      "would lose what this process holds in it (it can still be copied from /proc/PID/fd)",
      {{"reason", *missing}});
}

}  // namespace weir::app
