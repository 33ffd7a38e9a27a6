// The processes `weir serve`, `weir producer` and `weir consumer`, from their start to their exit code.
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>

#include "config/settings.hpp"
#include "config/variable.hpp"
#include "telemetry/logger.hpp"

namespace weir::app {

// Runs the service until a signal stops it or it cannot continue. Returns the exit code; the last log line
// gives the reason. It calls _exit() instead of returning after a fatal error, after a second signal, and if
// a part does not stop in time. Prints a few addresses to `out` when the service is up. Call it on the main
// thread, before any other thread exists.
//
// After each SIGHUP it calls `load_again` and passes the new settings to Service::reload(). Nothing if they
// are wrong; then the old ones stay, and `load_again` has logged the reason.
using LoadAgain = std::function<std::optional<config::Settings>()>;
[[nodiscard]] int run_process(config::Command command, const config::Settings& settings,
                              const LoadAgain& load_again, telemetry::Logger& logger, std::ostream& out);

}  // namespace weir::app
