// The hash that users and ids are known by.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  friend bool operator==(const Hash128&, const Hash128&) = default;
  friend auto operator<=>(const Hash128&, const Hash128&) = default;
};

// MurmurHash3_x64_128 (Austin Appleby, public domain reference, smhasher). With seed 0, `low` is what the
// PostgreSQL extension's hll_hash_text() gives for the same text, read as a signed 64-bit number.
// About 20 ns for a short id. Reads exactly bytes.size() bytes.
[[nodiscard]] Hash128 murmur3(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace weir
