#include "app/log_retention.hpp"

#include <algorithm>
#include <utility>

namespace weir::app {

std::optional<std::int64_t> counted_to(const consumer::Status& status) {
  constexpr std::int32_t embedded_partition = 0;
  const auto held =
      std::ranges::find(status.partitions, embedded_partition, &consumer::PartitionStatus::partition);
  if (held == status.partitions.end() || held->state != consumer::PartitionStatus::State::live ||
      !held->ledger)
    return std::nullopt;
  return held->ledger->next_offset;
}

LogRetention::LogRetention(UpkeepSettings settings, Counted counted, Settle settle,
                           sqlite::EmbeddedLog& events, telemetry::Logger& logger,
                           std::function<void(const Error&)> fatal)
    : settings_(settings),
      counted_(std::move(counted)),
      settle_(std::move(settle)),
      events_(events),
      logger_(logger),
      fatal_(std::move(fatal)),
      thread_([this] { run(); }) {}

LogRetention::~LogRetention() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void LogRetention::run() {
  bool well = true;
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, settings_.pause, [this] { return stopping_; })) {
    lock.unlock();
    const Result<void> done = round(clock_.read(read_clock()).settled);
    if (!done && done.error().kind == ErrorKind::internal) return fatal_(done.error());
    if (!done && well) logger_.warn("upkeep failed, and is tried again", {{"reason", done.error().text}});
    well = done.has_value();
    lock.lock();
  }
}

Result<void> LogRetention::round(WallTime now) {
  const std::optional<std::int64_t> counted = counted_();  // before settle_(): that makes it durable
  auto complete = settle_();
  if (!complete) return propagate(complete);
  if (!*complete || !counted || settings_.log_retention.count() == 0) return {};
  const std::chrono::milliseconds kept =
      std::max<std::chrono::milliseconds>(settings_.log_retention, settings_.dedup_window);
  events_.prune_before(*counted, now - kept);
  return {};
}

}  // namespace weir::app
