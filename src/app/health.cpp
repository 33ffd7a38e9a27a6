#include "app/health.hpp"

#include <algorithm>

// Each check starts as ready and gets worse with each problem. The reasons are read by operators and by tests
// of deployments, so they are stable.
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
  // The window in offsets applies to each partition; 0 partitions means that their number is not known yet.
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
  // While the store is unavailable, events are still accepted and stored in the log, so the process is only
  // degraded. A problem that an operator must correct does not end by itself, so then it is unready.
  check.readiness = status.store_needs_operator ? Readiness::unready : Readiness::degraded;
  check.reason = (status.store_needs_operator ? "a person must act: " : "away: ") + status.store_reason;
  return check;
}

namespace {

// Several problems may exist at once: the readiness is that of the worst one, and the reason names all of
// them.
void add_problem(Check& check, Readiness readiness, std::string_view reason) {
  check.readiness = std::max(check.readiness, readiness);
  if (!check.reason.empty()) check.reason += "; ";
  check.reason += reason;
}

Readiness readiness_of(consumer::Phase phase) {
  switch (phase) {
    case consumer::Phase::live:
      return Readiness::ready;
    case consumer::Phase::opening:  // waits for the store or the log, as a flush does; events are accepted
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
    add_problem(check, readiness_of(status.phase), consumer::name_of(status.phase));
  if (!status.log_up) add_problem(check, Readiness::degraded, "the log cannot be read: " + status.log_reason);
  if (!status.dlq_reason.empty()) add_problem(check, Readiness::degraded, status.dlq_reason);
  for (const consumer::PartitionStatus& held : status.partitions) {
    const std::string partition = "partition " + std::to_string(held.partition);
    if (held.state == consumer::PartitionStatus::State::refused)
      add_problem(check, Readiness::unready, partition + " is not read: " + held.reason);
    else if (held.needs_operator)
      add_problem(check, Readiness::unready,
                  partition + " cannot be opened, a person must act: " + held.reason);
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
