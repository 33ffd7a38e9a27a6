// What may be typed after a command's name, as a table, and the words of the faults in it. Knows no command.
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::app {

// An option ("--url"), or a positional argument ("FILE": a name without dashes).
struct Argument {
  std::string name;
  std::string help;
  std::string expected;  // the value in words, as faults name it; empty: the option takes none
  // Called once for each value, or once for an option without one, in the order they were typed. Returns
  // false if the value is not what is expected.
  std::function<bool(const std::string& value)> take;
  bool is_repeatable = false;
  bool is_required = false;
};

struct CommandSpec {
  std::string name;  // "import"
  std::string help;  // what it does
  std::string footer;
  std::vector<Argument> arguments;
  std::function<std::string()>
      check;  // after all values were taken: a fault of their combination, or ""; may be empty
};

// Reads what was typed after the command's name into the table's take(). Returns nothing if the command may
// run; else the exit code: 0 after --help, which goes to `out`; 2 after all faults, a line each, went to
// `err`. A fault names what was found and what is expected, and never shows what stands before an @: it may
// be a password.
[[nodiscard]] std::optional<int> parse(const CommandSpec& command, const std::vector<std::string>& typed,
                                       std::ostream& out, std::ostream& err);

// "serve, producer or consumer"
[[nodiscard]] std::string in_words(const std::vector<std::string>& choices);

// take() of an argument that is one of these; `into` gets the place in the list.
[[nodiscard]] std::function<bool(const std::string&)> one_of(std::vector<std::string> choices,
                                                             std::function<void(std::size_t)> into);

}  // namespace weir::app
