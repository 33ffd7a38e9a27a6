// Makes Settings from the environment and the command line, or reports all errors at once. A value of the
// command line is used before one of the environment, and that before the default. Pure: nothing else is
// read. Any thread.
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

// Texts of variables by their names.
using Texts = std::map<std::string, std::string, std::less<>>;

// `environ` as a map: entries "NAME=text" up to the null pointer. Entries without '=' are left out.
[[nodiscard]] Texts environment_of(const char* const* entries);

// Everything that settings are read from.
struct Sources {
  Command command = Command::serve;
  // The whole environment. Unknown names are ignored, and an empty text means "not set".
  Texts environment;
  // What was typed, by the name of the variable. Unknown names are errors.
  Texts command_line;
  // Whether the log goes to a terminal. Then LOG_FORMAT=auto means text.
  bool log_to_terminal = false;
};

// Where the value of a setting comes from.
enum class Origin : std::uint8_t { default_value, environment, command_line };

// One setting as `weir config` shows it.
struct EffectiveSetting {
  const Variable* variable = nullptr;
  // The name of the variable, or of the member of a family.
  std::string name;
  // The value as the user wrote it; "***" for a secret; empty if it is not set.
  std::string value;
  Origin origin = Origin::default_value;
  // Whether the chosen log and store use it in this version.
  bool used = true;
};

struct Loaded {
  Settings settings;
  // The settings of the command, in the order of the table.
  std::vector<EffectiveSetting> effective;
  // Warnings for the log, a line each.
  std::vector<std::string> warnings;
};

// What is wrong with one setting, or with two that do not fit together.
struct SettingError {
  std::string variable;
  // One line with the variable, its value unless that is secret, and what was expected.
  std::string text;
};

// Each known variable that is set must be well-formed, also one that the command does not use. Whether the
// setting is supported, and whether log and store can be combined, is checked for the command.
[[nodiscard]] std::expected<Loaded, std::vector<SettingError>> load(const Sources& sources);

}  // namespace weir::config
