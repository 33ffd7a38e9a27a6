// The arithmetic of a flush and of a roll-up: computes the rows of activity_windows to write from the
// existing rows and the counts to add. Pure functions. The caller reads the rows whose keys keys_to_read…()
// returns, in the transaction that writes the resulting rows.
//
// Caps: the first limits::values_per_window_max values of a (granularity, window, dimension, partition) get
// rows of their own, and keep them. All other values are counted in the row `(other)`, including their users.
// The total row of a window holds the number of stored values. Therefore the keys always include the total
// row and the (other) rows of each window.
//
// Invariants after any sequence of flushes and roll-ups (merge_property_test.cpp):
//   - in each dimension, the rows and (other) add up to the total row, and the union of their users is the
//     set of users of the total row;
//   - for an hour or a day, its rows plus the pending counts of its minutes equal all that was added.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "tally/tally.hpp"
#include "tally/window.hpp"

namespace weir::tally {

// How often a value was counted in `(other)` because its window was full, by dimension. For metrics.
using CappedValues = std::map<Dimension, std::int64_t>;

// Returns the keys of the rows to read for merge_deltas(), ascending and without repetition. Not all of these
// rows need to exist.
[[nodiscard]] std::vector<WindowKey> keys_to_read(std::span<const WindowDelta> deltas,
                                                  std::int32_t partition);

// Returns the rows to write for a flush: the rows of `existing` that change, with the deltas added, and new
// rows. `existing` has the rows of keys_to_read() that exist. rolled_events and rolled_page_views keep their
// values. Adds to `capped`. Error: a stored sketch that cannot be read (Sketch::decode); the text names the
// row.
[[nodiscard]] Result<std::vector<WindowRow>> merge_deltas(std::span<const WindowDelta> deltas,
                                                          std::int32_t partition,
                                                          std::vector<WindowRow> existing,
                                                          CappedValues& capped);

// Returns the keys of the hour and day rows to read for a roll-up of these minute rows of one partition,
// ascending and without repetition.
[[nodiscard]] std::vector<WindowKey> keys_to_read_for_roll_up(std::span<const WindowRow> minutes);

// Returns the rows to write to add minute rows to their hours and days. `minutes` are rows of one partition
// in any order; they need not be all rows of a minute. The result has
//   - the minute rows, with rolled_events and rolled_page_views equal to their counts, and
//   - the hour and day rows, with the pending counts added and the users united.
// Values enter an hour or a day in the order of their minutes, then of their arrival ranks. Minute rows
// without pending counts are not in the result. `capped` and errors as for merge_deltas().
[[nodiscard]] Result<std::vector<WindowRow>> roll_up(std::vector<WindowRow> minutes,
                                                     std::vector<WindowRow> existing, CappedValues& capped);

}  // namespace weir::tally
