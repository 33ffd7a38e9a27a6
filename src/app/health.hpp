// What /health/ready says of each part.
#pragma once

#include "base/clock.hpp"
#include "config/settings.hpp"
#include "intake/event_log.hpp"
#include "observe/health.hpp"
#include "rollup/status.hpp"

namespace weir::app {

[[nodiscard]] observe::Check log_check(const intake::LogHealth& log, const config::Settings& settings,
                                       bool draining);
// Adds how large an event and a body this process takes, for clients that cut batches.
void add_bounds(observe::Check& log, const config::Settings& settings);
[[nodiscard]] observe::Check store_check(const rollup::Status& status);
[[nodiscard]] observe::Check freshness_check(const rollup::Status& status, Now now);

}  // namespace weir::app
