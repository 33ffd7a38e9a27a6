// A hash of a stream of bytes that is known at every offset. Import recognizes by it an input that begins
// with bytes which were imported before.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.hpp"

namespace weir::importer {

// A chain over blocks of 4 KiB. The hash at an offset is a MurmurHash3 of the hash at the beginning of its
// block and of the bytes from there. It does not depend on how the bytes are divided among calls of add().
// Not a cryptographic hash: it tells inputs apart, but two with equal hashes can be constructed.
//
// A value: a copy continues from the same offset. About 0.4 ns a byte.
class RunningHash {
 public:
  void add(std::string_view bytes);
  // The hash of everything that was added.
  [[nodiscard]] Hash128 at() const;

 private:
  // A link of the chain: the hash before a block, and the block.
  static constexpr std::size_t chain_bytes = 16;
  static constexpr std::size_t block_bytes = 4096;

  std::array<char, chain_bytes + block_bytes> link_{};  // the hash before the block, then the block
  std::size_t filled_ = 0;                              // bytes of the block
};

// 32 hexadecimal digits, the high half first. hash_from_hex() returns nothing for any other text.
[[nodiscard]] std::string to_hex(Hash128 hash);
[[nodiscard]] std::optional<Hash128> hash_from_hex(std::string_view text);

}  // namespace weir::importer
