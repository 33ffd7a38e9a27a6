// The bounds of what a process has read and not yet written to the store.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/limits.hpp"
#include "commit/pending_batch.hpp"

namespace weir::consumer {

// Dead letters are kept whole, unlike events, so they are bounded in number and in bytes.
struct BacklogBounds {
  std::int64_t events = limits::waiting_events_max;
  std::size_t dead_letters = limits::waiting_dead_letters_max;
  std::size_t dead_letter_bytes = limits::waiting_dead_letter_bytes_max;
  std::size_t tally_bytes = limits::waiting_tally_bytes_max;

  // Returns whether the backlog has reached one of the bounds, each divided by `divisor` (>= 1).
  [[nodiscard]] bool are_reached(const commit::Backlog& backlog, std::int64_t divisor) const {
    const auto size_divisor = static_cast<std::size_t>(divisor);
    return backlog.events >= events / divisor || backlog.dead_letters >= dead_letters / size_divisor ||
           backlog.dead_letter_bytes >= dead_letter_bytes / size_divisor ||
           backlog.tally_bytes >= tally_bytes / size_divisor;
  }
};

}  // namespace weir::consumer
