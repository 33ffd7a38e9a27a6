// The hash of a stream of bytes, known at every point of it whatever chunks it came in. By it import knows an
// input again that begins with bytes it has seen.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.hpp"

namespace weir::importer {

// A chain over blocks of 4 KiB: murmur3 of the hash so far and the block; at(), the last block as far as it
// has come. For telling honest inputs apart, not against forgers. A value: a copy goes on from the same
// point. About 0.4 ns a byte.
class RunningHash {
 public:
  void add(std::string_view bytes);
  // The hash of all that was added.
  [[nodiscard]] Hash128 at() const;

 private:
  static constexpr std::size_t chain_bytes = 16;
  static constexpr std::size_t block_bytes = 4096;

  // The hash of the blocks before this one, then this block.
  std::array<char, chain_bytes + block_bytes> link_{};
  std::size_t filled_ = 0;  // of the block
};

// 32 hexadecimal digits, the high half first.
[[nodiscard]] std::string to_hex(Hash128 hash);
[[nodiscard]] std::optional<Hash128> hash_from_hex(std::string_view text);

}  // namespace weir::importer
