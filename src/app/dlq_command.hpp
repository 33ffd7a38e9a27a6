// The commands `weir dlq list`, `weir dlq show` and `weir dlq replay`, connected to the store and the event
// log that the settings name.
#pragma once

#include <vector>

#include "app/command.hpp"

namespace weir::app {

// Returns the three commands. `dependencies` must outlive them.
[[nodiscard]] std::vector<Runnable> make_dlq_commands(const Dependencies& dependencies);

// For `weir dlq` without one of their names. Prints what can follow: to the output, if help was asked for,
// with exit code 0; else to the error output, with exit code 2.
[[nodiscard]] int explain_dlq(bool help, const Dependencies& dependencies);

}  // namespace weir::app
