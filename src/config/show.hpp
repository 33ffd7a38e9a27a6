// Texts about settings for users: `weir config`, --help and the documentation. All of it comes from the table
// of variables. Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "config/load.hpp"

// No function shows a secret.
namespace weir::config {

// "default", "file", "Consul", "environment", "command line"
[[nodiscard]] std::string_view name_of(Origin origin);

// A line for each error, for stderr.
[[nodiscard]] std::string to_text(const std::vector<SettingError>& errors);

// The output of `weir config`: name, value and origin of each effective setting, a line each. Secrets are
// masked. `refused`: values of Consul that were left out; their settings are marked, and a line for each
// error follows.
[[nodiscard]] std::string to_table(const Loaded& loaded, const std::vector<SettingError>& refused = {});

// The end of `weir COMMAND --help`: the variables that the command uses, with their defaults and meanings.
[[nodiscard]] std::string help_of_variables(Command command);

// The option of a variable: "server-port" for SERVER_PORT.
[[nodiscard]] std::string option_name(const Variable& variable);

// All variables as a table in Markdown.
// Variables that are not supported yet are in it, and marked.
[[nodiscard]] std::string variables_in_markdown();

}  // namespace weir::config
