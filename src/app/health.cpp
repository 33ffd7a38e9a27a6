#include "app/health.hpp"

#include <algorithm>

namespace weir::app {

using observe::Check;
using observe::Readiness;

Check log_check(const intake::LogHealth& log, const config::Settings& settings, bool draining) {
  Check check{.name = "event_log", .latency_ms = log.latency_ms, .reason = log.reason};
  if (!log.up) check.readiness = Readiness::unready;
  if (draining) {
    check.readiness = Readiness::unready;
    check.reason = "draining";
  }
  const std::int64_t share = settings.dedup_window_events / std::max(1, log.partitions);
  check.numbers = {{"end", log.end},
                   {"dedup_window_sec", settings.dedup_window.count()},
                   {"dedup_window_events", std::max<std::int64_t>(share, 1)}};
  check.texts = {{"log_id", log.log_id}};
  return check;
}

void add_bounds(Check& log, const config::Settings& settings) {
  log.numbers.emplace_back("max_event_bytes", static_cast<std::int64_t>(settings.max_event_bytes));
  log.numbers.emplace_back("max_body_bytes", static_cast<std::int64_t>(settings.max_body_bytes));
}

Check store_check(const rollup::Status& status) {
  Check check{.name = "metrics_store", .latency_ms = status.store_latency.count()};
  if (!status.store_up) {
    // Events are taken and kept meanwhile; only the numbers stand still.
    check.readiness = Readiness::degraded;
    check.reason = "away: " + status.store_reason;
  }
  return check;
}

Check freshness_check(const rollup::Status& status, Now now) {
  Check check{.name = "freshness"};
  switch (status.phase) {
    case rollup::Phase::live:
      break;
    case rollup::Phase::opening:  // the database may be away: as with a flush, events are kept meanwhile
    case rollup::Phase::catching_up:
      check.readiness = Readiness::degraded;
      check.reason = rollup::name_of(status.phase);
      break;
    default:
      check.readiness = Readiness::unready;
      check.reason = rollup::name_of(status.phase);
  }
  if (!status.log_up) {
    check.readiness = Readiness::degraded;
    check.reason = "the log cannot be read: " + status.log_reason;
  }
  if (!status.copies_reason.empty()) {
    check.readiness = std::max(check.readiness, Readiness::degraded);
    check.reason = status.copies_reason;
  }
  for (const rollup::PartitionStatus& held : status.partitions) {
    if (held.state != rollup::PartitionStatus::State::refused) continue;
    check.readiness = Readiness::unready;
    check.reason = "partition " + std::to_string(held.partition) + " is not read: " + held.reason;
  }
  const std::int64_t unread = status.oldest_unread_at ? (now.wall - *status.oldest_unread_at).count() : 0;
  check.numbers = {{"oldest_unread_age_ms", std::max<std::int64_t>(unread, 0)}};
  if (status.last_good_flush) {
    const auto age =
        std::chrono::duration_cast<std::chrono::milliseconds>(now.mono - status.last_good_flush->mono);
    check.numbers.emplace_back("last_flush_age_ms", age.count());
  }
  return check;
}

}  // namespace weir::app
