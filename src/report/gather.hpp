// Reads the windows of a question about many days in little time: past days are united once, in blocks, and
// kept (kept_days.hpp). Internal to this module.
//
// A kept block is used only if the snapshot of the question has the marks from which the block was united
// (MetricsSnapshot::scan_day_marks). So an answer is the same as without kept blocks, whichever process has
// written to the store meanwhile. ADR 16 has the reasons.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "report/kept_days.hpp"
#include "report/reading.hpp"

namespace weir::report {

// The windows of a question. Each window is in `all`, and in either `blocks` or `rest`.
struct SplitRuns {
  std::vector<WindowRun> all;
  std::vector<DayBlock> blocks;  // days without counts that are pending roll-up; ascending
  std::vector<WindowRun> rest;
};

// Days in a block that was not cut by the start or the end of the question. Blocks are aligned, so that
// questions that begin on different days share them. Longer blocks would be read again more often after a
// late event, and shorter ones take longer to unite.
inline constexpr int days_in_block = 8;

// Reads the marks of the days. All windows are in `rest` if the reading keeps no days.
[[nodiscard]] Result<SplitRuns> split_runs(const Reading& reading, std::vector<WindowRun> runs);

// Returns the numbers of each value, in the order of `values`. For Dimension::total, `values` is one empty
// text. Unites block by block if there are at most Scan::few_values_max values. Memory: one sketch for each
// value, and points_at_a_time more.
[[nodiscard]] Result<std::vector<Gathered>> gather_values(const Reading& reading, const SplitRuns& runs,
                                                          tally::Dimension dimension,
                                                          std::span<const std::string_view> values);

// As MetricsSnapshot::count_by_value(). Memory: half of KeptBlocks::bytes_max() for blocks.
[[nodiscard]] Result<void> count_values(const Reading& reading, const SplitRuns& runs,
                                        tally::Dimension dimension,
                                        const std::function<void(const ValueRow&)>& take);

}  // namespace weir::report
