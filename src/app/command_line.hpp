// The commands of the program: what was typed, into what is run.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace weir::app {

struct Invocation {
  std::vector<std::string> arguments;  // with the program's name in front
  const char* const* environment = nullptr;
};

// Runs the command that was asked for and returns the exit code: 0 done; 2 wrong usage or configuration,
// every fault named; 1 failed, with the reason in the last line of `err`.
[[nodiscard]] int run(const Invocation& invocation, std::ostream& out, std::ostream& err);

}  // namespace weir::app
