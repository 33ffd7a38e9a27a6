// What the commands of the program share: their description, and what they use of the process.
#pragma once

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

#include "app/arguments.hpp"
#include "config/load.hpp"
#include "config/variable.hpp"

namespace weir::app {

// Exit codes.
inline constexpr int done = 0;
inline constexpr int failed = 1;
inline constexpr int wrong_usage = 2;

// What a command uses of the process.
struct Dependencies {
  config::Texts environment;
  std::ostream& out;
  std::ostream& err;
};

// A command and the function that runs it, after its arguments were taken.
struct Runnable {
  CommandSpec spec;
  std::function<int()> run;
};

// Returns the command line and the environment as sources of settings. `typed`: the options of the command
// line.
[[nodiscard]] config::Sources sources_of(config::Command command, const config::Texts& typed,
                                         const Dependencies& dependencies);

// Returns the settings for the command from all sources, CONFIG_FILE and Consul included. On faults, writes
// all of them to `err` and returns std::nullopt. If Consul does not answer, that is one of the warnings.
[[nodiscard]] std::optional<config::Loaded> load(config::Command command, const config::Texts& typed,
                                                 const Dependencies& dependencies);

// Returns the width of the terminal; 0 if the descriptor is not a terminal.
[[nodiscard]] std::size_t columns_of(int descriptor);

// Returns a take() that stores the value and accepts any text but the empty one. `text` must outlive it.
[[nodiscard]] std::function<bool(const std::string&)> text_into(std::string& text);

// Adds an option for each variable that the command uses, except secrets: other users can see the arguments
// of a process. The values are stored in `settings`, which must outlive the spec, and are validated later
// together with all other settings.
void add_settings(CommandSpec& spec, config::Command command, config::Texts& settings);

}  // namespace weir::app
