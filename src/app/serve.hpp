// `weir serve`: everything in one process, on the embedded log and store.
#pragma once

#include <iosfwd>

#include "config/settings.hpp"
#include "observe/log.hpp"

namespace weir::app {

// Blocks until the process is to leave; returns its exit code. `out` gets a few lines that say where to look.
[[nodiscard]] int serve(const config::Settings& settings, observe::Log& log, std::ostream& out);

}  // namespace weir::app
