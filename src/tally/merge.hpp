// Rows of activity_windows from rows and what is to be added to them: the arithmetic of a flush and of a
// roll-up. Pure; the caller reads the rows that these functions name, in the transaction that writes what
// they answer.
//
// Caps: a (granularity, window, dimension, partition) stores at most limits::values_per_window_max values, in
// the order they come; who is in stays in, the rest is counted in the row `(other)`, users included. How many
// are in stands in the window's total row, so the total and (other) rows of a window are always read with the
// others.
//
// What always holds, whatever was flushed or rolled up, in which order (merge_property_test.cpp):
//   for each dimension, its rows with (other) add up to the total row, and their users unite to the total's;
//   for hours and days, rows + what their minutes have not rolled up = all that was ever added.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "tally/tally.hpp"
#include "tally/window.hpp"

namespace weir::tally {

// The keys of the rows that merge_deltas() must be given, as far as there are such rows; ascending, each
// once.
[[nodiscard]] std::vector<WindowKey> keys_to_read(std::span<const WindowDelta> deltas,
                                                  std::int32_t partition);

// The rows to write: `existing` with the deltas added, and new rows; only rows that change. Minute rows keep
// their rolled_* as they were. Error: a stored sketch that cannot be read (Sketch::decode), naming its row.
[[nodiscard]] Result<std::vector<WindowRow>> merge_deltas(std::span<const WindowDelta> deltas,
                                                          std::int32_t partition,
                                                          std::vector<WindowRow> existing);

// The keys of the hour and day rows that roll_up() must be given for these minute rows; ascending, each once.
[[nodiscard]] std::vector<WindowKey> keys_to_read_for_roll_up(std::span<const WindowRow> minutes);

// The rows to write when these minute rows (of one partition, in any order; not necessarily all of a minute)
// are added to their hours and days: the minute rows with rolled_* = their counts, and the hour and day rows
// with the differences added and the users united. Values come into a full hour or day in the order of
// minute, then place. Minute rows without a remainder are left out; with no remainder at all nothing is to be
// written.
[[nodiscard]] Result<std::vector<WindowRow>> roll_up(std::vector<WindowRow> minutes,
                                                     std::vector<WindowRow> existing);

}  // namespace weir::tally
