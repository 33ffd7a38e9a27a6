// Random numbers that the seed reproduces.
#pragma once

#include <cstdint>

namespace weir::simulation {

// splitmix64 by Sebastiano Vigna (public domain, https://prng.di.unimi.it/splitmix64.c). The same numbers on
// every machine, unlike the distributions of <random>.
class Dice {
 public:
  // Every seed is valid, 0 included.
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  // Returns a number from 0 to sides − 1.
  int roll(int sides) { return static_cast<int>(next() % static_cast<std::uint64_t>(sides)); }
  // Returns true once in `sides` calls on average; never if `sides` is 0.
  bool one_in(int sides) { return sides > 0 && roll(sides) == 0; }

 private:
  // The generator's own step; the constants are the author's.
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  std::uint64_t state_;
};

}  // namespace weir::simulation
