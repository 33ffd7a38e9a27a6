// Parses the arguments of one command from a table, and words the faults in them. Knows no command itself.
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::app {

// One argument: an option (its name begins with dashes: "--url") or a positional argument ("FILE").
struct Argument {
  std::string name;
  std::string help;
  std::string
      expected;  // describes a valid value, for fault texts; empty: an option without a value (a flag)
  // Receives each value in the order in which they were typed; for a flag, is called once with "". Returns
  // false if the value is not what `expected` describes.
  std::function<bool(const std::string& value)> take;
  bool is_repeatable = false;
  bool is_required = false;
  bool is_secret = false;  // faults do not show its value
};

// The description of one command. The functions in it are called only during parse().
struct CommandSpec {
  std::string name;  // "import"
  std::string help;  // one sentence: what the command does
  std::string footer;
  std::vector<Argument> arguments;
  // Optional. Called after all values were taken without a fault. Returns a fault of their combination, or
  // "".
  std::function<std::string()> check;
};

// Parses `typed` (the arguments after the command's name) and passes each value to its take().
//
// Returns std::nullopt if the command may run. Returns exit code 0 after --help, which is written to `out`.
// Returns exit code 2 for wrong usage, after all faults were written to `err`, one per line. A fault names
// what was found and what is expected. Credentials in a URL are masked in faults.
[[nodiscard]] std::optional<int> parse(const CommandSpec& command, const std::vector<std::string>& typed,
                                       std::ostream& out, std::ostream& err);

// Returns the choices as a phrase: "serve, producer or consumer".
[[nodiscard]] std::string in_words(const std::vector<std::string>& choices);

// Returns a take() that accepts exactly these choices. It passes the index of the choice to `into`.
[[nodiscard]] std::function<bool(const std::string&)> one_of(std::vector<std::string> choices,
                                                             std::function<void(std::size_t)> into);

}  // namespace weir::app
