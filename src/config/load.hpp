// From environment and command line to Settings, or to every fault at once. Reads nothing by itself: the environment
// is handed in. Order: command line > environment > default. Pure; may be called from any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"
#include "config/variable.hpp"

namespace weir::config {

// Names of variables and their texts.
using Texts = std::map<std::string, std::string, std::less<>>;

// What main() finds in its third argument; entries without '=' are left out.
[[nodiscard]] Texts environment_of(const char* const* entries);

enum class Origin : std::uint8_t { fallback, environment, command_line };

[[nodiscard]] std::string_view name_of(Origin origin);  // "default", "environment", "command line"

struct Sources {
  Command command = Command::serve;
  Texts environment;   // all of it: what is not Weir's is not looked at; an empty value is as good as unset
  Texts command_line;  // by the variable's name
  bool log_to_terminal = false;  // stderr is one: then LOG_FORMAT is text unless told otherwise
};

// One setting as `weir config` shows it.
struct InForce {
  const Variable* variable = nullptr;
  std::string name;   // the variable's, or the member's of a family
  std::string value;  // as written; a secret is ***; empty: not set
  Origin origin = Origin::fallback;
};

struct Loaded {
  Settings settings;
  std::vector<InForce> in_force;   // what the command uses, and what else was set, in the table's order
  std::vector<std::string> notes;  // variables that were set and have no effect yet: for the log at start
};

struct Fault {
  std::string variable;
  std::string text;  // one line that names the variable, the value unless it is secret, and what was expected
};

// Every known variable that is set must be well-formed, whatever the command; whether it is supported, and whether
// log and store go together, is judged for the command.
[[nodiscard]] std::expected<Loaded, std::vector<Fault>> load(const Sources& sources);

// The faults as they go to stderr: a line each.
[[nodiscard]] std::string to_text(const std::vector<Fault>& faults);

// What `weir config` prints: a table of name, value and origin. Secrets are masked.
[[nodiscard]] std::string to_table(const Loaded& loaded);

// What stands below the options in `weir COMMAND --help`: the variables that the command uses.
[[nodiscard]] std::string help_of_variables(Command command);

// The same as a table in Markdown, for the docs: all of them.
[[nodiscard]] std::string variables_in_markdown();

}  // namespace weir::config
