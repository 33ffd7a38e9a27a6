#include "base/ensure.hpp"

#include <cstdio>
#include <cstdlib>

namespace weir {

// Writes with stdio and not with a Logger: nothing of the program's state can be relied on at this point.
void assertion_failed(std::string_view claim, std::source_location where) {
  std::fprintf(stderr, "weir: assertion failed at %s:%u (%s): %.*s\n", where.file_name(),
               static_cast<unsigned>(where.line()), where.function_name(), static_cast<int>(claim.size()),
               claim.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace weir
