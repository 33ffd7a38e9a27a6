// Keyed hashes for hash tables whose keys come from clients.
//
// A client that knows the hash function of a table can send keys that all fall into one bucket. Each look-up
// then compares with all of them (a hash flooding attack). Every such table therefore uses one of these
// functions with a random key that is created once per process (process_hash_key). MurmurHash3 with a secret
// seed is not enough: it has collisions that hold for every seed (Aumasson, Bernstein: "SipHash: a fast
// short-input PRF", 2012).
//
// Hashes under the process key differ in each process: never store or send them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/hash.hpp"

namespace weir {

// The 128-bit key of a keyed hash.
struct HashKey {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

// Returns the key of this process. The first call creates it with getrandom(2). Thread-safe. Aborts the
// process if the system provides no random bytes.
[[nodiscard]] const HashKey& process_hash_key();

// SipHash-2-4 with 128 bits of output (the authors' reference code, vectors_sip128). For keys that are
// compared by their hash alone. About 30 ns for 40 bytes.
[[nodiscard]] Hash128 siphash_2_4_128(const HashKey& key, std::string_view bytes);

// SipHash-1-3 with 64 bits of output: the variant for hash tables (Rust's HashMap, CPython's str). About 12
// ns for 20 bytes.
[[nodiscard]] std::uint64_t siphash_1_3(const HashKey& key, std::string_view bytes);

// Hashes a number: wyhash64 (Wang Yi, wyhash final version 4, public domain) with the key in place of its
// constants. `tweak` selects another function for the same key. Two multiplications of 64 bits, about 2 ns.
[[nodiscard]] inline std::uint64_t hash_number(const HashKey& key, std::uint64_t number,
                                               std::uint64_t tweak = 0) {
  __extension__ using Product = unsigned __int128;
  const Product once = static_cast<Product>(number ^ key.first) * (tweak ^ key.second);
  const auto low = static_cast<std::uint64_t>(once);
  const auto high = static_cast<std::uint64_t>(once >> 64);
  const Product twice = static_cast<Product>(low ^ key.first) * (high ^ key.second);
  return static_cast<std::uint64_t>(twice) ^ static_cast<std::uint64_t>(twice >> 64);
}

// The hash of std:: and boost:: hash tables whose keys are texts. `is_avalanching` declares to boost that all
// bits of the hash are uniformly distributed.
struct TextHash {
  using is_transparent = void;
  using is_avalanching = void;

  std::size_t operator()(std::string_view text) const { return siphash_1_3(process_hash_key(), text); }
};

}  // namespace weir
