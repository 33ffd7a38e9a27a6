#include <cstring>
#include <iostream>
#include <unistd.h>

#include "app/command_line.hpp"
#include "app/descriptors.hpp"
#include "app/standard_output.hpp"

int main(int argc, char** argv) {
  weir::app::open_standard_descriptors();
  weir::app::DescriptorBuffer buffer(STDOUT_FILENO);
  std::ostream out(&buffer);
  const int code = weir::app::run({.arguments = {argv, argv + argc}, .environment = environ}, out, std::cerr);
  if (out.flush()) return code;
  std::cerr << "weir: standard output cannot be written: " << std::strerror(buffer.error()) << '\n';
  return code == 0 ? 1 : code;
}
