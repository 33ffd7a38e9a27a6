#include "base/keyed_hash.hpp"

#include <bit>
#include <cstring>
#include <sys/random.h>

#include "base/ensure.hpp"

namespace weir {
namespace {

static_assert(std::endian::native == std::endian::little, "words are loaded without swapping bytes");

// SipHash-c-d as the authors' reference code computes it: absorb() once, then finish(). The names v0 to v3
// and the constants are those of the paper.
template <int compression_rounds, int final_rounds>
class SipHash {
 public:
  explicit SipHash(const HashKey& key)
      : v0_(key.first ^ 0x736f6d6570736575U),
        v1_(key.second ^ 0x646f72616e646f6dU),
        v2_(key.first ^ 0x6c7967656e657261U),
        v3_(key.second ^ 0x7465646279746573U) {}

  // Selects 128 bits of output. Call it before absorb().
  void widen() { v1_ ^= 0xee; }

  // Absorbs the whole input. The last word holds the remaining bytes and, in its top byte, the length.
  void absorb(std::string_view bytes) {
    const std::uint64_t length = bytes.size();
    std::uint64_t word = 0;
    for (; bytes.size() >= sizeof word; bytes.remove_prefix(sizeof word)) {
      std::memcpy(&word, bytes.data(), sizeof word);
      absorb(word);
    }
    word = 0;
    if (!bytes.empty()) std::memcpy(&word, bytes.data(), bytes.size());
    absorb(length << 56U | word);
  }

  // Returns the first 64 bits of output. `mark` is 0xff, or 0xee if the output has 128 bits.
  std::uint64_t finish(std::uint64_t mark) {
    v2_ ^= mark;
    return squeeze();
  }
  // Returns the second 64 bits of output. Call it after finish().
  std::uint64_t second_half() {
    v1_ ^= 0xdd;
    return squeeze();
  }

 private:
  // One SipRound.
  void round() {
    v0_ += v1_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v3_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ += v3_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ += v1_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v2_ = std::rotl(v2_, 32);
  }
  void absorb(std::uint64_t word) {
    v3_ ^= word;
    for (int turn = 0; turn < compression_rounds; ++turn) round();
    v0_ ^= word;
  }
  std::uint64_t squeeze() {
    for (int turn = 0; turn < final_rounds; ++turn) round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

  std::uint64_t v0_;
  std::uint64_t v1_;
  std::uint64_t v2_;
  std::uint64_t v3_;
};

}  // namespace

// A static local: its initialization is thread-safe, and it happens before any table needs the key.
const HashKey& process_hash_key() {
  static const HashKey key = [] {
    HashKey made;
    const bool filled = ::getrandom(&made, sizeof made, 0) == static_cast<ssize_t>(sizeof made);
    ensure(filled, "the system provides random bytes");
    return made;
  }();
  return key;
}

Hash128 siphash_2_4_128(const HashKey& key, std::string_view bytes) {
  SipHash<2, 4> state(key);
  state.widen();
  state.absorb(bytes);
  Hash128 hash;
  hash.low = state.finish(0xee);
  hash.high = state.second_half();
  return hash;
}

std::uint64_t siphash_1_3(const HashKey& key, std::string_view bytes) {
  SipHash<1, 3> state(key);
  state.absorb(bytes);
  return state.finish(0xff);
}

}  // namespace weir
