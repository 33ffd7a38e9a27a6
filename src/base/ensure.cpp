#include "base/ensure.hpp"

#include <cstdio>
#include <cstdlib>

namespace weir {

void assertion_failed(std::string_view claim, std::source_location where) {
  std::fprintf(stderr, "weir: broken promise at %s:%u (%s): %.*s\n", where.file_name(),
               static_cast<unsigned>(where.line()), where.function_name(), static_cast<int>(claim.size()),
               claim.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace weir
