// Makes Settings from the texts of all sources, or reports all errors at once. The command line is used
// before the environment, that before Consul, that before CONFIG_FILE, and that before the default. Pure:
// nothing else is read. Any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"
#include "config/source_texts.hpp"
#include "config/variable.hpp"

namespace weir::config {

// `environ` as a map: entries "NAME=text" up to the null pointer. Entries without '=' are left out.
[[nodiscard]] Texts environment_of(const char* const* entries);

// Everything that settings are read from.
struct Sources {
  Command command = Command::serve;
  // The whole environment. Unknown names are ignored, and an empty text means "not set".
  Texts environment;
  // What was typed, by the name of the variable. Unknown names are errors.
  Texts command_line;
  // Empty texts mean "not set" here, too. The errors of both are errors of load().
  SourceTexts consul{.origin = Origin::consul, .texts = {}, .errors = {}};
  SourceTexts file{.origin = Origin::file, .texts = {}, .errors = {}};
  // Whether the log goes to a terminal. Then LOG_FORMAT=auto means text.
  bool log_to_terminal = false;
};

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
  // The same by name, with the secrets. For comparisons only: never shown.
  Texts values;
  // Warnings for the log, a line each.
  std::vector<std::string> warnings;
};

// Each known variable that is set must be well-formed, also one that the command does not use. Whether the
// setting is supported, and whether log and store can be combined, is checked for the command.
[[nodiscard]] std::expected<Loaded, std::vector<SettingError>> load(const Sources& sources);

// The text that a variable has by these sources, or its default. Also if other settings are wrong.
[[nodiscard]] std::string text_of(const Sources& sources, std::string_view variable);

// Settings of which Consul's wrong values are left out.
struct LoadedWithoutRefused {
  Loaded loaded;
  // What is wrong with the values that were left out.
  std::vector<SettingError> refused;
  // Consul's texts that are in force: the `last_good` of the next call.
  Texts consul;
};

// As load(), but a value of Consul that is refused is replaced by the one in `last_good`, or left out if that
// has none. So one wrong key neither ends a process nor keeps the other keys back. An error that is not about
// one value of Consul is an error here, too.
[[nodiscard]] std::expected<LoadedWithoutRefused, std::vector<SettingError>> load_without_refused(
    Sources sources, const Texts& last_good);

}  // namespace weir::config
