// Ranges of time: what was asked, what it is rounded to, and the windows that add up to it. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "report/metrics_reader.hpp"
#include "tally/window.hpp"

namespace weir::report {

// A range as it was asked for: `from` inclusive, `to` exclusive, from < to. In milliseconds, rounded outward,
// because these hold every year of four digits and the range before; an EventTime holds 1678 to 2261.
struct AskedRange {
  WallTime from;
  WallTime to;
};

// A range on whole windows of `finest`, the finest granularity that is complete over all of it.
struct UsedRange {
  WindowStart from;
  WindowStart to;
  tally::Granularity finest = tally::Granularity::minute;

  // What an answer adds as "resolution": nothing while it is the finest there is.
  [[nodiscard]] std::optional<tally::Granularity> resolution() const {
    if (finest == tally::finest_granularity) return std::nullopt;
    return finest;
  }
  friend bool operator==(const UsedRange&, const UsedRange&) = default;
};

// Rounds outward to the finest granularity that is complete from the range's first window on: a range that
// begins below the horizon of minutes is answered whole in hours, and below that of hours in days. Days are
// the last resort, whether complete or not.
[[nodiscard]] UsedRange round_outward(const AskedRange& asked, const Horizons& horizons);

// The range of equal length that ends where this one begins; it begins in year 0000 at the earliest.
[[nodiscard]] AskedRange range_before(const UsedRange& range);

// Windows that together are exactly the range, in order of time, each as coarse as fits and is complete, none
// coarser than `coarsest`: whole days in the middle, hours beside them, minutes at the edges. So a year costs
// 365 windows and not half a million. At most five runs, unless retention keeps a finer granularity for
// longer.
[[nodiscard]] std::vector<WindowRun> decompose(const UsedRange& range, tally::Granularity coarsest,
                                               const Horizons& horizons);

// How many windows of a granularity touch the range.
[[nodiscard]] std::size_t windows_in(const UsedRange& range, tally::Granularity granularity);

}  // namespace weir::report
