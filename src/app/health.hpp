// What /health/ready says of each part.
#pragma once

#include "base/clock.hpp"
#include "config/settings.hpp"
#include "consumer/status.hpp"
#include "intake/event_log.hpp"
#include "telemetry/health.hpp"

namespace weir::app {

[[nodiscard]] telemetry::Check log_check(const intake::LogHealth& log, const config::Settings& settings,
                                         bool draining);
// Adds how large an event and a body this process takes, for clients that cut batches.
void add_bounds(telemetry::Check& log, const config::Settings& settings);
[[nodiscard]] telemetry::Check store_check(const consumer::Status& status);
[[nodiscard]] telemetry::Check freshness_check(const consumer::Status& status, Now now);

}  // namespace weir::app
