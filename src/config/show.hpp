// What people read about settings: `weir config`, --help, and the docs. All of it comes from the table of
// variables.
#pragma once

#include <string>
#include <vector>

#include "config/load.hpp"

namespace weir::config {

// "default", "environment", "command line"
[[nodiscard]] std::string_view name_of(Origin origin);

// A line for each fault, as they go to stderr.
[[nodiscard]] std::string to_text(const std::vector<Fault>& faults);

// What `weir config` prints: name, value and origin of each setting in force, a line each. Secrets are
// masked.
[[nodiscard]] std::string to_table(const Loaded& loaded);

// What stands below the options of `weir COMMAND --help`: the variables that the command uses, with their
// defaults.
[[nodiscard]] std::string help_of_variables(Command command);

// SERVER_PORT → "server-port", as the command line would spell it.
[[nodiscard]] std::string option_name(const Variable& variable);

// All variables as a table in Markdown, for the docs.
[[nodiscard]] std::string variables_in_markdown();

}  // namespace weir::config
