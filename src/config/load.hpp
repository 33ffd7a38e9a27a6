// From environment and command line to Settings, or to every fault at once. Reads nothing by itself: the
// environment is handed in. Order: command line > environment > default. Pure; may be called from any thread.
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

// `environ` as a map: entries "NAME=text" up to the null pointer; what has no '=' is left out.
[[nodiscard]] Texts environment_of(const char* const* entries);

struct Sources {
  Command command = Command::serve;
  Texts environment;   // all of it: what is not Weir's is not looked at; an empty text is as good as none
  Texts command_line;  // by the variable's name
  bool log_to_terminal = false;  // stderr is one: then LOG_FORMAT=auto is text
};

enum class Origin : std::uint8_t { fallback, environment, command_line };

// One setting as `weir config` shows it.
struct EffectiveSetting {
  const Variable* variable = nullptr;
  std::string name;   // the variable's, or the member's of a family
  std::string value;  // as it was written; a secret is "***"; empty: not set
  Origin origin = Origin::fallback;
  bool used =
      true;  // false: it was set, but belongs to a log or store that is not chosen, or is not built yet
};

struct Loaded {
  Settings settings;
  std::vector<EffectiveSetting> in_force;  // what the command uses, in the table's order
  std::vector<std::string>
      notes;  // on what was set and has no effect yet, or a price: for the log, a line each
};

struct Fault {
  std::string variable;
  std::string text;  // one line: the variable, its value unless that is secret, and what was expected
};

// Every known variable that is set must be well-formed, whatever the command. Whether its feature is there,
// and whether log and store go together, is judged for the command.
[[nodiscard]] std::expected<Loaded, std::vector<Fault>> load(const Sources& sources);

}  // namespace weir::config
