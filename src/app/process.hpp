// `weir serve`, `weir producer` and `weir consumer`, from start to exit code.
#pragma once

#include <iosfwd>

#include "config/settings.hpp"
#include "config/variable.hpp"
#include "telemetry/logger.hpp"

namespace weir::app {

// Blocks until the process is to leave; returns its exit code. `out` gets a few lines that say where to look.
[[nodiscard]] int run_process(config::Command command, const config::Settings& settings,
                              telemetry::Logger& logger, std::ostream& out);

}  // namespace weir::app
