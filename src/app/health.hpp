// The checks of GET /health/ready, made from the state of the log and of the consumer. Pure functions.
#pragma once

#include "base/clock.hpp"
#include "config/settings.hpp"
#include "consumer/status.hpp"
#include "intake/event_log.hpp"
#include "telemetry/health.hpp"

namespace weir::app {

// event_log. `draining`: the process is stopping, so it is unready.
[[nodiscard]] telemetry::Check log_check(const intake::LogHealth& log, const config::Settings& settings,
                                         bool draining);
// Adds max_event_bytes and max_body_bytes to event_log, so that clients can size their batches. Only for
// processes that accept events.
void add_bounds(telemetry::Check& log, const config::Settings& settings);
// metrics_store. Degraded while the store is unavailable, because events are still accepted. Unready while an
// operator must act.
[[nodiscard]] telemetry::Check store_check(const consumer::Status& status);
// freshness: the lag between the log and the store.
[[nodiscard]] telemetry::Check freshness_check(const consumer::Status& status, Now now);

}  // namespace weir::app
