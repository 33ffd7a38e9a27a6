// Changes LOG_LEVEL while the process runs.
#pragma once

#include "telemetry/logger.hpp"

namespace weir::telemetry {

// From now on the logger drops lines below `min_severity`. The logger must be one that make_logger()
// returned; others write every line, and stay as they are. Thread-safe: an atomic number is stored.
void set_min_severity(Logger& logger, Severity min_severity);

}  // namespace weir::telemetry
