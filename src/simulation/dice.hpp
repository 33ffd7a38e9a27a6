// Chance that can be told again: the same seed, the same rolls.
#pragma once

#include <cstdint>

namespace weir::simulation {

// splitmix64 (Sebastiano Vigna, public domain): small, and the same on every machine, unlike <random>'s
// distributions.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  // 0 … sides − 1
  int roll(int sides) { return static_cast<int>(next() % static_cast<std::uint64_t>(sides)); }
  bool one_in(int sides) { return sides > 0 && roll(sides) == 0; }

 private:
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  std::uint64_t state_;
};

}  // namespace weir::simulation
