// Promises that we make to ourselves. Input from strangers never comes here: it gets a Result.
#pragma once

#include <source_location>
#include <string_view>

namespace weir {

// Prints the claim and where it was made to stderr, and aborts.
[[noreturn]] void assertion_failed(std::string_view claim, std::source_location where);

// Aborts, naming the claim, if it does not hold. Stays in release builds: a program that counts for others
// must rather stop than go on with numbers that it cannot vouch for.
inline void ensure(bool holds, std::string_view claim,
                   std::source_location where = std::source_location::current()) {
  if (!holds) [[unlikely]]
    assertion_failed(claim, where);
}

}  // namespace weir
