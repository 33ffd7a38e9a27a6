// The command line of the program: selects the command, parses its arguments and runs it.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace weir::app {

// How the process was started.
struct Invocation {
  std::vector<std::string> arguments;        // like argv: the program's name is the first element
  const char* const* environment = nullptr;  // like environ: ends with a null pointer
};

// Runs the command and blocks until it has ended. Returns the exit code of the process.
//   0  success
//   1  failure; the last line of `err` is the reason
//   2  wrong usage or wrong settings; `err` has one line for each fault
[[nodiscard]] int run(const Invocation& invocation, std::ostream& out, std::ostream& err);

}  // namespace weir::app
