#include "app/log_retention.hpp"

#include <algorithm>
#include <utility>

// The thread waits for `interval`, then does one round without holding the mutex; the destructor sets
// stopping_ and joins. Ages are judged by a SettledClock, so that a clock that steps ahead deletes nothing at
// once. An internal error (a failed fsync) ends the thread; other errors are logged once and the round is
// repeated.
namespace weir::app {

std::optional<std::int64_t> counted_to(const consumer::Status& status) {
  constexpr std::int32_t embedded_partition = 0;  // the embedded log has no other
  const auto held =
      std::ranges::find(status.partitions, embedded_partition, &consumer::PartitionStatus::partition);
  if (held == status.partitions.end() || held->state != consumer::PartitionStatus::State::live ||
      !held->ledger)
    return std::nullopt;
  return held->ledger->next_offset;
}

LogRetention::LogRetention(LogRetentionSettings settings, CountedOffset counted, MakeDurable make_durable,
                           sqlite::EmbeddedLog& log, telemetry::Logger& logger,
                           std::function<void(const Error&)> on_fatal)
    : settings_(settings),
      counted_(std::move(counted)),
      make_durable_(std::move(make_durable)),
      log_(log),
      logger_(logger),
      on_fatal_(std::move(on_fatal)),
      thread_([this] { run(); }) {}

LogRetention::~LogRetention() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  thread_.join();
}

void LogRetention::run() {
  bool succeeded = true;
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, settings_.interval, [this] { return stopping_; })) {
    lock.unlock();
    const Result<void> done = round(clock_.read(read_clock()).settled);
    if (!done && done.error().kind == ErrorKind::internal) return on_fatal_(done.error());
    if (!done && succeeded) {
      logger_.warn("retention of the event log failed; it will be retried",
                   {{"code", std::string(done.error().code)}, {"reason", done.error().text}});
    }
    succeeded = done.has_value();
    lock.lock();
  }
}

Result<void> LogRetention::round(WallTime now) {
  // The offset is read first: make_durable_() covers only what was committed before it was called.
  const std::optional<std::int64_t> counted = counted_();
  auto complete = make_durable_();
  if (!complete) return propagate(complete);
  if (!*complete || !counted || settings_.log_retention.count() == 0) return {};
  const std::chrono::milliseconds kept =
      std::max<std::chrono::milliseconds>(settings_.log_retention, settings_.dedup_window);
  log_.prune_before(*counted, now - kept);
  return {};
}

}  // namespace weir::app
