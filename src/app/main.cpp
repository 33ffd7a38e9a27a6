#include <cstring>
#include <iostream>
#include <unistd.h>

#include "app/command_line.hpp"
#include "app/descriptors.hpp"
#include "app/remote.hpp"
#include "app/standard_output.hpp"

// Standard output has a buffer of its own. So a failed write (a full disk, a closed pipe) is reported with
// its reason and exit code 1.
int main(int argc, char** argv) {
  weir::app::open_standard_descriptors();
  weir::app::DescriptorBuffer buffer(STDOUT_FILENO);
  std::ostream out(&buffer);
  const std::vector<std::string> arguments(argv, argv + argc);
  weir::app::hide_key(argc, argv);
  const int code = weir::app::run({.arguments = arguments, .environment = environ}, out, std::cerr);
  if (out.flush()) return code;
  std::cerr << "weir: cannot write to standard output: " << std::strerror(buffer.error()) << '\n';
  return code == 0 ? 1 : code;
}
