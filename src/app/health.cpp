#include "app/health.hpp"

#include <algorithm>

namespace weir::app {

using telemetry::Check;
using telemetry::Readiness;

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

Check store_check(const consumer::Status& status) {
  Check check{.name = "metrics_store", .latency_ms = status.store_latency.count()};
  if (status.store_up) return check;
  // Events are accepted and kept meanwhile; only the numbers stand still. But what a person must correct does
  // not pass by itself.
  check.readiness = status.store_needs_operator ? Readiness::unready : Readiness::degraded;
  check.reason = (status.store_needs_operator ? "a person must act: " : "away: ") + status.store_reason;
  return check;
}

namespace {

// Several things may be wrong at once: the worst counts, and each is named.
void worsen(Check& check, Readiness readiness, std::string_view reason) {
  check.readiness = std::max(check.readiness, readiness);
  if (!check.reason.empty()) check.reason += "; ";
  check.reason += reason;
}

Readiness readiness_of(consumer::Phase phase) {
  switch (phase) {
    case consumer::Phase::live:
      return Readiness::ready;
    case consumer::Phase::opening:  // the database may be away: as with a flush, events are kept meanwhile
    case consumer::Phase::catching_up:
      return Readiness::degraded;
    default:
      return Readiness::unready;
  }
}

}  // namespace

Check freshness_check(const consumer::Status& status, Now now) {
  Check check{.name = "freshness"};
  if (status.phase != consumer::Phase::live)
    worsen(check, readiness_of(status.phase), consumer::name_of(status.phase));
  if (!status.log_up) worsen(check, Readiness::degraded, "the log cannot be read: " + status.log_reason);
  if (!status.dlq_reason.empty()) worsen(check, Readiness::degraded, status.dlq_reason);
  for (const consumer::PartitionStatus& held : status.partitions) {
    const std::string partition = "partition " + std::to_string(held.partition);
    if (held.state == consumer::PartitionStatus::State::refused)
      worsen(check, Readiness::unready, partition + " is not read: " + held.reason);
    else if (held.needs_operator)
      worsen(check, Readiness::unready, partition + " cannot be opened, a person must act: " + held.reason);
  }
  const auto unread = status.oldest_unread_age(now.wall);
  check.numbers = {{"oldest_unread_age_ms", unread ? std::optional(unread->count()) : std::nullopt}};
  if (status.last_good_flush) {
    const auto age =
        std::chrono::duration_cast<std::chrono::milliseconds>(now.mono - status.last_good_flush->mono);
    check.numbers.emplace_back("last_flush_age_ms", age.count());
  }
  return check;
}

}  // namespace weir::app
