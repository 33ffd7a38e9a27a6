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

struct Sources {
  Command command = Command::serve;
  Texts environment;   // the whole environment; unknown names are ignored, and an empty text means "not set"
  Texts command_line;  // by the name of the variable
  bool log_to_terminal = false;  // stderr is a terminal: then LOG_FORMAT=auto is text
};

enum class Origin : std::uint8_t { default_value, environment, command_line };

// One setting as `weir config` shows it.
struct EffectiveSetting {
  const Variable* variable = nullptr;
  std::string name;   // of the variable, or of the member of a family
  std::string value;  // as the user wrote it; "***" for a secret; empty: not set
  Origin origin = Origin::default_value;
  bool used = true;  // false: it is set, but the chosen log and store, or this version, do not use it
};

struct Loaded {
  Settings settings;
  std::vector<EffectiveSetting> effective;  // the settings of the command, in the order of the table
  std::vector<std::string> warnings;        // for the log, a line each
};

struct SettingError {
  std::string variable;
  std::string text;  // one line: the variable, its value unless that is secret, and what was expected
};

// Each known variable that is set must be well-formed, also one that the command does not use. Whether the
// setting is supported, and whether log and store can be combined, is checked for the command.
[[nodiscard]] std::expected<Loaded, std::vector<SettingError>> load(const Sources& sources);

}  // namespace weir::config
