// Numbers of past days that were united once and are kept in memory, for the next question about these days.
// Internal to this module.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/hash.hpp"
#include "tally/dimension.hpp"

namespace weir::report {

// Consecutive days of UTC that are united together.
struct DayBlock {
  WindowStart from;
  WindowStart to;  // exclusive
  // Identifies what the store has of these days: a hash over their total rows. Every event of a day is
  // counted in one of them, so nothing of a day changes without its mark.
  Hash128 mark;

  friend bool operator==(const DayBlock&, const DayBlock&) = default;
};

// The numbers of one value, united over a block.
struct BlockOfValue {
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  std::string users;  // hll storage format

  [[nodiscard]] std::size_t bytes() const { return sizeof(*this) + users.capacity(); }
};

// The counts of all values of a dimension, united over a block, in ascending order of the values' bytes. The
// texts are in one string, because a string for each value would take twice the memory.
class BlockOfCounts {
 public:
  struct Counts {
    std::size_t text_end = 0;  // the text of a value ends here, and begins where the one before it ends
    std::int64_t events = 0;
    std::int64_t page_views = 0;
  };

  void add(std::string_view value, std::int64_t events, std::int64_t page_views) {
    texts_.append(value);
    counts_.push_back({texts_.size(), events, page_views});
  }
  // Drops all values. The block is then to be read from the store.
  void give_up() { *this = BlockOfCounts(true); }

  BlockOfCounts() = default;
  [[nodiscard]] bool is_too_large() const { return too_large_; }
  [[nodiscard]] std::size_t size() const { return counts_.size(); }
  [[nodiscard]] const Counts& counts(std::size_t at) const { return counts_[at]; }
  [[nodiscard]] std::string_view value(std::size_t at) const {
    const std::size_t begin = at == 0 ? 0 : counts_[at - 1].text_end;
    return std::string_view(texts_).substr(begin, counts_[at].text_end - begin);
  }
  [[nodiscard]] std::size_t bytes() const {
    return sizeof(*this) + texts_.capacity() + counts_.capacity() * sizeof(Counts);
  }

 private:
  explicit BlockOfCounts(bool too_large) : too_large_(too_large) {}

  std::string texts_;
  std::vector<Counts> counts_;
  bool too_large_ = false;
};

// Keeps the blocks that were used last, up to a number of bytes. Any thread may call.
template <class Block>
class KeptBlocks {
 public:
  explicit KeptBlocks(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // `value` is empty for blocks of all values. Returns nullptr if the block is not kept, or if it was united
  // from other rows than those of the mark.
  [[nodiscard]] std::shared_ptr<const Block> find(tally::Dimension dimension, std::string_view value,
                                                  const DayBlock& days) {
    const std::lock_guard lock(mutex_);
    const auto found = blocks_.find(Key{dimension, days.from, days.to, std::string(value)});
    if (found == blocks_.end() || found->second->mark != days.mark) return nullptr;
    by_use_.splice(by_use_.begin(), by_use_, found->second);
    return found->second->block;
  }

  // Replaces the block of the same days. Drops the blocks whose last use is longest ago if there are too many
  // bytes.
  void keep(tally::Dimension dimension, std::string_view value, const DayBlock& days,
            std::shared_ptr<const Block> block) {
    const std::lock_guard lock(mutex_);
    Key key{dimension, days.from, days.to, std::string(value)};
    if (const auto old = blocks_.find(key); old != blocks_.end()) drop(old->second);
    by_use_.push_front({key, days.mark, std::move(block)});
    bytes_ += bytes_of(by_use_.front());
    blocks_.emplace(std::move(key), by_use_.begin());
    while (bytes_ > bytes_max_) drop(std::prev(by_use_.end()));
  }

  [[nodiscard]] std::size_t bytes_max() const { return bytes_max_; }
  [[nodiscard]] std::size_t bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  struct Key {  // in a tree: no choice of values makes it slow
    tally::Dimension dimension;
    WindowStart from;
    WindowStart to;
    std::string value;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Kept {
    Key key;
    Hash128 mark;
    std::shared_ptr<const Block> block;
  };
  using ByUse = std::list<Kept>;

  // Includes about what the two containers take for an entry.
  [[nodiscard]] static std::size_t bytes_of(const Kept& kept) {
    return kept.block->bytes() + 2 * (sizeof(Kept) + kept.key.value.capacity());
  }
  void drop(typename ByUse::iterator kept) {
    bytes_ -= bytes_of(*kept);
    blocks_.erase(kept->key);
    by_use_.erase(kept);
  }

  const std::size_t bytes_max_;
  mutable std::mutex mutex_;  // guards the members below
  std::size_t bytes_ = 0;
  ByUse by_use_;  // the last used one first
  std::map<Key, typename ByUse::iterator> blocks_;
};

// What a Report keeps of days.
struct KeptDays {
  explicit KeptDays(std::size_t bytes_max)
      : totals(bytes_max / 8), values(bytes_max / 8 * 5), counts(bytes_max / 4) {}

  // Of Dimension::total. They have memory of their own, because every page asks for them.
  KeptBlocks<BlockOfValue> totals;
  KeptBlocks<BlockOfValue> values;
  KeptBlocks<BlockOfCounts> counts;

  [[nodiscard]] KeptBlocks<BlockOfValue>& of(tally::Dimension dimension) {
    return dimension == tally::Dimension::total ? totals : values;
  }
};

}  // namespace weir::report
