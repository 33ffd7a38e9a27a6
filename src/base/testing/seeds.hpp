// The seeds that a property is tried with: as many as its test asks for, unless the environment says
// otherwise.
//
//   WEIR_SEED=4711 tally_test --gtest_filter='*Property*'           that one alone, as a red run prints it
//   WEIR_SEEDS_TIMES=20 tally_test --gtest_filter='*Property*'      twenty times as many
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

// One seed proves nothing of how rich they are together.
inline bool one_seed_was_asked_for() { return std::getenv("WEIR_SEED") != nullptr; }

inline Seeds seeds(std::uint64_t count) {
  if (one_seed_was_asked_for()) {
    const std::uint64_t seed = std::strtoull(std::getenv("WEIR_SEED"), nullptr, 10);
    return {seed, seed};
  }
  const char* const times = std::getenv("WEIR_SEEDS_TIMES");
  return {1, count * (times ? std::strtoull(times, nullptr, 10) : 1)};
}

// Calls property(seed) for each of them, up to the first that fails.
template <class Property>
void for_each_seed(std::uint64_t count, Property&& property) {
  const Seeds all = seeds(count);
  for (std::uint64_t seed = all.first; seed <= all.last && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("WEIR_SEED=" + std::to_string(seed));
    try {
      property(seed);
    } catch (const std::exception& thrown) {
      ADD_FAILURE() << "thrown: " << thrown.what();  // here, where the seed is still known
    }
  }
}

}  // namespace weir
