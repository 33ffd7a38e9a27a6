// Assertions that stay in release builds. They are for conditions that Weir's own code guarantees. Untrusted
// input is never asserted: it is validated and refused with a Result (result.hpp).
#pragma once

#include <source_location>
#include <string_view>

namespace weir {

// Writes the claim and its source location to stderr, then aborts the process.
[[noreturn]] void assertion_failed(std::string_view claim, std::source_location where);

// Aborts the process if `holds` is false. `claim` states what must hold, as a sentence. A wrong number is
// worse than a stopped process: after a restart Weir continues from the log and the ledger. Costs one branch.
inline void ensure(bool holds, std::string_view claim,
                   std::source_location where = std::source_location::current()) {
  if (!holds) [[unlikely]]
    assertion_failed(claim, where);
}

}  // namespace weir
