// The key of a window row within its partition, for hash tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/keyed_hash.hpp"
#include "tally/window.hpp"

namespace weir::tally {

// A WindowKey without the partition. `value` is a view, so a lookup does not copy the text. In a table it is
// a view into the row, which must outlive the entry.
struct WindowName {
  Granularity granularity = Granularity::minute;
  Dimension dimension = Dimension::total;
  WindowStart start;
  std::string_view value;

  friend bool operator==(const WindowName&, const WindowName&) = default;
};

// Returns a hash of the whole name under the key of the process, because clients choose values and times.
// `value_hash` is siphash_1_3 of the value; the caller may have it already.
[[nodiscard]] inline std::uint64_t hash_of(const WindowName& name, std::uint64_t value_hash) {
  const auto window = static_cast<std::uint64_t>(name.start.time_since_epoch().count()) << 16 |
                      static_cast<std::uint64_t>(name.granularity) << 8 |
                      static_cast<std::uint64_t>(name.dimension);
  return hash_number(process_hash_key(), window, value_hash);
}

struct WindowNameHash {
  using is_avalanching = void;
  std::size_t operator()(const WindowName& name) const {
    return hash_of(name, siphash_1_3(process_hash_key(), name.value));
  }
};

}  // namespace weir::tally
