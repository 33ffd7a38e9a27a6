// The checks of GET /health/ready, made from the state of the log and of the consumer. Pure functions. All
// three commands report the same three checks.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "base/clock.hpp"
#include "config/settings.hpp"
#include "consumer/status.hpp"
#include "intake/event_log.hpp"
#include "telemetry/health.hpp"

namespace weir::app {

// Below this, event_log is degraded: each of the two databases in DATA_DIR may write 32 MiB to its WAL, and
// copies them to its file before the WAL can be reused.
inline constexpr std::int64_t disk_free_bytes_min = std::int64_t{128} << 20;
// freshness is degraded while an event waits longer than this beyond FLUSH_INTERVAL_SEC.
inline constexpr std::chrono::seconds unread_age_max{30};

// event_log. `draining`: the process is stopping, so it is unready.
[[nodiscard]] telemetry::Check log_check(const intake::LogHealth& log, const config::Settings& settings,
                                         bool draining);
// Adds max_event_bytes and max_body_bytes to event_log, so that clients can size their batches. Only for
// processes that accept events.
void add_bounds(telemetry::Check& log, const config::Settings& settings);
// metrics_store. Degraded while the store is unavailable, because events are still accepted. Unready while an
// operator must act.
[[nodiscard]] telemetry::Check store_check(const consumer::Status& status);
// freshness: the lag between the log and the store. Degraded while an event waits longer than
// `flush_interval` + unread_age_max.
[[nodiscard]] telemetry::Check freshness_check(const consumer::Status& status, Now now,
                                               std::chrono::seconds flush_interval);
// metrics_store and freshness of a process that does not consume: ready, with a reason that says so.
[[nodiscard]] std::vector<telemetry::Check> checks_without_consumer();

}  // namespace weir::app
