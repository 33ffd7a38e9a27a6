#include "importer/running_hash.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/hex.hpp"

namespace weir::importer {

void RunningHash::add(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t taken = std::min(bytes.size(), block_bytes - filled_);
    std::memcpy(link_.data() + chain_bytes + filled_, bytes.data(), taken);
    filled_ += taken;
    bytes.remove_prefix(taken);
    if (filled_ < block_bytes) return;
    // The block is full: its hash becomes the beginning of the next link.
    const Hash128 chained = at();
    std::memcpy(link_.data(), &chained.low, sizeof chained.low);
    std::memcpy(link_.data() + sizeof chained.low, &chained.high, sizeof chained.high);
    filled_ = 0;
  }
}

Hash128 RunningHash::at() const { return murmur3({link_.data(), chain_bytes + filled_}); }

std::string to_hex(Hash128 hash) {
  std::string text;
  append_hex(text, hash.high);
  append_hex(text, hash.low);
  return text;
}

std::optional<Hash128> hash_from_hex(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  Hash128 hash;
  const char* const middle = text.data() + 16;
  const char* const end = text.data() + 32;
  const bool good = std::from_chars(text.data(), middle, hash.high, 16).ptr == middle &&
                    std::from_chars(middle, end, hash.low, 16).ptr == end;
  return good ? std::optional(hash) : std::nullopt;
}

}  // namespace weir::importer
