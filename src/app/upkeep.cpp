#include "app/upkeep.hpp"

namespace weir::app {

Upkeep::Upkeep(UpkeepSettings settings, Settle settle, report::MetricsReader& reader,
               sqlite::EmbeddedLog& events, observe::Log& log, std::function<void(const Error&)> fatal)
    : settings_(settings),
      settle_(std::move(settle)),
      reader_(reader),
      events_(events),
      log_(log),
      fatal_(std::move(fatal)),
      thread_([this] { run(); }) {}

Upkeep::~Upkeep() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Upkeep::run() {
  bool well = true;
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, settings_.pause, [this] { return stopping_; })) {
    lock.unlock();
    const Result<void> done = round(read_clock().wall);
    if (!done && done.error().move == Move::ourselves) return fatal_(done.error());
    if (!done && well) log_.warn("upkeep failed, and is tried again", {{"reason", done.error().text}});
    well = done.has_value();
    lock.lock();
  }
}

Result<void> Upkeep::round(WallTime now) {
  std::int64_t counted = 0;
  {
    auto snapshot = reader_.snapshot();
    if (!snapshot) return pass_on(snapshot);
    auto ledger = (*snapshot)->ledger();
    if (!ledger) return pass_on(ledger);
    for (const tally::LedgerRow& row : *ledger)
      counted = row.next_offset;  // the embedded log has one partition
  }
  auto complete = settle_();
  if (!complete) return pass_on(complete);
  if (*complete && settings_.log_retention.count() > 0 && counted > 0) {
    const std::chrono::milliseconds kept =
        std::max<std::chrono::milliseconds>(settings_.log_retention, settings_.dedup_window);
    events_.prune_before(counted, now - kept);
  }
  return {};
}

}  // namespace weir::app
