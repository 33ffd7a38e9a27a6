// MurmurHash2 by Austin Appleby, with the names of its constants: four bytes a step, then the last three
// bytes at most.
#include "kafka_protocol/partitioner.hpp"

#include <cstring>

namespace weir::kafka_protocol {

std::uint32_t murmur2(std::string_view key) {
  constexpr std::uint32_t seed = 0x9747b28c;
  constexpr std::uint32_t m = 0x5bd1e995;
  constexpr unsigned r = 24;
  std::uint32_t hash = seed ^ static_cast<std::uint32_t>(key.size());
  std::size_t left = key.size();
  const char* at = key.data();
  for (; left >= sizeof(std::uint32_t); left -= sizeof(std::uint32_t), at += sizeof(std::uint32_t)) {
    std::uint32_t word = 0;
    std::memcpy(&word, at, sizeof(word));  // little-endian, as in the Java code
    word *= m;
    word ^= word >> r;
    word *= m;
    hash *= m;
    hash ^= word;
  }
  const auto byte = [at](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(at[i]));
  };
  if (left >= 3) hash ^= byte(2) << 16U;
  if (left >= 2) hash ^= byte(1) << 8U;
  if (left >= 1) {
    hash ^= byte(0);
    hash *= m;
  }
  hash ^= hash >> 13U;
  hash *= m;
  hash ^= hash >> 15U;
  return hash;
}

}  // namespace weir::kafka_protocol
