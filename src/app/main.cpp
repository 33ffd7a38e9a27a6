#include <iostream>

#include "app/command_line.hpp"

int main(int argc, char** argv) {
  return weir::app::run({.arguments = {argv, argv + argc}, .environment = environ}, std::cout, std::cerr);
}
