// The hash for values that are stored: elements of sketches (their format requires exactly this function),
// the ledger's last_record_hash, checksums of segments. It is not safe against chosen keys: hash tables over
// texts of clients use keyed_hash.hpp instead.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

// 128 bits as two numbers. `low` is the first 64 bits of the reference implementation's output.
struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  friend bool operator==(const Hash128&, const Hash128&) = default;
  friend auto operator<=>(const Hash128&, const Hash128&) = default;
};

// MurmurHash3_x64_128 (Austin Appleby's public domain reference, smhasher). With seed 0, `low` read as a
// signed 64-bit number equals hll_hash_text() of the PostgreSQL extension hll for the same text. About 20 ns
// for a short id. Reads exactly bytes.size() bytes. The result is the same on every machine and may be
// stored.
[[nodiscard]] Hash128 murmur3(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace weir
