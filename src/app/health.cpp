#include "app/health.hpp"

#include <algorithm>
#include <string>
#include <utility>

// Each check starts as ready and gets worse with each problem. The reasons are read by operators and by tests
// of deployments, so they are stable.
namespace weir::app {

using telemetry::Check;
using telemetry::Readiness;

namespace {

// Several problems may exist at once: the readiness is that of the worst one, and the reason names all of
// them.
void add_problem(Check& check, Readiness readiness, std::string_view reason) {
  check.readiness = std::max(check.readiness, readiness);
  if (!check.reason.empty()) check.reason += "; ";
  check.reason += reason;
}

}  // namespace

Check log_check(const intake::LogHealth& log, const config::Settings& settings, bool draining) {
  Check check{.name = "event_log", .latency_ms = log.latency_ms};
  if (draining) {
    add_problem(check, Readiness::unready, "draining");
  } else if (!log.up) {
    // "starting" and "draining" name a state of this process; every other reason is a failure of the log.
    const bool has_state = log.reason.starts_with("starting") || log.reason == "draining";
    add_problem(check, Readiness::unready, has_state ? log.reason : "away: " + log.reason);
  }
  if (log.disk_free_bytes && *log.disk_free_bytes < disk_free_bytes_min)
    add_problem(check, Readiness::degraded,
                "disk space is low: " + std::to_string(*log.disk_free_bytes >> 20) +
                    " MiB are free for DATA_DIR, less than " + std::to_string(disk_free_bytes_min >> 20));
  // The window in offsets applies to each partition; 0 partitions means that their number is not known yet.
  const std::int64_t share = settings.dedup_window_events / std::max(1, log.partitions);
  check.numbers = {{"end", log.end},
                   {"dedup_window_sec", settings.dedup_window.count()},
                   {"dedup_window_events", std::max<std::int64_t>(share, 1)}};
  if (log.disk_free_bytes) check.numbers.emplace_back("disk_free_bytes", log.disk_free_bytes);
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

Check freshness_check(const consumer::Status& status, Now now, std::chrono::seconds flush_interval) {
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
  using std::chrono::milliseconds;
  const auto unread = status.oldest_unread_age(now.wall);
  if (unread && *unread > flush_interval + unread_age_max)
    add_problem(check, Readiness::degraded,
                "catching up: the oldest event that is not counted is " +
                    std::to_string(std::chrono::floor<std::chrono::seconds>(*unread).count()) + " s old");
  std::optional<std::int64_t> flush_age;
  if (const auto& last = status.last_good_flush)
    flush_age = std::chrono::duration_cast<milliseconds>(now.mono - last->mono).count();
  check.numbers = {{"oldest_unread_age_ms", unread ? std::optional(unread->count()) : std::nullopt},
                   {"last_flush_age_ms", flush_age}};
  return check;
}

std::vector<Check> checks_without_consumer() {
  const std::string reason = "not part of this process: weir producer only writes the log";
  Check store{.name = "metrics_store", .reason = reason};
  Check freshness{.name = "freshness", .reason = reason};
  freshness.numbers = {{"oldest_unread_age_ms", std::nullopt}, {"last_flush_age_ms", std::nullopt}};
  return {std::move(store), std::move(freshness)};
}

}  // namespace weir::app
