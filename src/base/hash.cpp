#include "base/hash.hpp"

#include <bit>
#include <cstring>

// MurmurHash3_x64_128: the input is consumed in blocks of 16 bytes, 8 for each half of the state. The
// constants and rotations are those of the reference implementation.
namespace weir {
namespace {

constexpr std::uint64_t c1 = 0x87c37b91114253d5ULL;
constexpr std::uint64_t c2 = 0x4cf5ad432745937fULL;

std::uint64_t load(const char* at, std::size_t bytes = 8) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, bytes);  // little-endian, like all platforms that Weir is built for
  return word;
}

// The reference's fmix64: every input bit affects every output bit.
std::uint64_t finish(std::uint64_t k) {
  k ^= k >> 33;
  k *= 0xff51afd7ed558ccdULL;
  k ^= k >> 33;
  k *= 0xc4ceb9fe1a85ec53ULL;
  k ^= k >> 33;
  return k;
}

std::uint64_t mix_low(std::uint64_t k) { return std::rotl(k * c1, 31) * c2; }
std::uint64_t mix_high(std::uint64_t k) { return std::rotl(k * c2, 33) * c1; }

}  // namespace

Hash128 murmur3(std::string_view bytes, std::uint64_t seed) {
  std::uint64_t low = seed;
  std::uint64_t high = seed;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 16; at += 16, left -= 16) {
    low = (std::rotl(low ^ mix_low(load(at)), 27) + high) * 5 + 0x52dce729;
    high = (std::rotl(high ^ mix_high(load(at + 8)), 31) + low) * 5 + 0x38495ab5;
  }
  // The last 1 to 15 bytes, padded with zeros.
  if (left > 8) high ^= mix_high(load(at + 8, left - 8));
  if (left > 0) low ^= mix_low(load(at, left < 8 ? left : 8));

  // Finalization: the length, then both halves mixed with each other.
  low ^= bytes.size();
  high ^= bytes.size();
  low += high;
  high += low;
  low = finish(low);
  high = finish(high);
  low += high;
  high += low;
  return {low, high};
}

}  // namespace weir
