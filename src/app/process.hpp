// The processes `weir serve`, `weir producer` and `weir consumer`, from their start to their exit code.
#pragma once

#include <iosfwd>

#include "app/settings_feed.hpp"
#include "config/settings.hpp"
#include "config/variable.hpp"
#include "telemetry/logger.hpp"

namespace weir::app {

// Runs the service until a signal stops it or it cannot continue. Returns the exit code; the last log line
// gives the reason. It calls _exit() instead of returning after a fatal error, after a second signal, and if
// a part does not stop in time. Prints a few addresses to `out` when the service is up. Call it on the main
// thread, before any other thread exists.
//
// While it serves, each SIGHUP and each change in Consul puts new settings of `feed` in force (Reloader).
[[nodiscard]] int run_process(config::Command command, const config::Settings& settings, SettingsFeed& feed,
                              telemetry::Logger& logger, std::ostream& out);

}  // namespace weir::app
