// The seeds of property tests: as many as the test asks for, unless the environment overrides it.
//
//   WEIR_SEED=4711 tally_test --gtest_filter='*Property*'           only this seed; a failing test prints it
//   WEIR_SEEDS_TIMES=20 tally_test --gtest_filter='*Property*'      twenty times as many seeds
#pragma once

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <gtest/gtest.h>
#include <string>

namespace weir {

struct Seeds {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
};

// Whether WEIR_SEED is set. Checks of how varied all seeds are together are then skipped.
inline bool one_seed_was_asked_for() { return std::getenv("WEIR_SEED") != nullptr; }

// Returns the range of seeds to try: 1 to `count`, times WEIR_SEEDS_TIMES, or WEIR_SEED alone.
inline Seeds seeds(std::uint64_t count) {
  if (one_seed_was_asked_for()) {
    const std::uint64_t seed = std::strtoull(std::getenv("WEIR_SEED"), nullptr, 10);
    return {seed, seed};
  }
  const char* const times = std::getenv("WEIR_SEEDS_TIMES");
  return {1, count * (times ? std::strtoull(times, nullptr, 10) : 1)};
}

// Calls property(seed) for each seed. Stops at the first seed that fails.
template <class Property>
void for_each_seed(std::uint64_t count, Property&& property) {
  const Seeds all = seeds(count);
  for (std::uint64_t seed = all.first; seed <= all.last && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("WEIR_SEED=" + std::to_string(seed));
    try {
      property(seed);
    } catch (const std::exception& thrown) {
      ADD_FAILURE() << "exception: " << thrown.what();  // caught here, so that the trace shows the seed
    }
  }
}

}  // namespace weir
