// The intervals of a time series. Minutes, hours and UTC days are windows of the store; the others are united
// from windows. Pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "report/range.hpp"
#include "report/time_zone.hpp"
#include "tally/granularity.hpp"

namespace weir::report {

// From fine to coarse. The first ones are the granularities, with the same numbers.
enum class Interval : std::uint8_t { minute, hour, day, week, month };

inline constexpr std::array<std::string_view, 5> interval_names{"minute", "hour", "day", "week", "month"};
static_assert([] {
  for (std::size_t at = 0; at < tally::granularity_count; ++at)
    if (interval_names[at] != tally::granularity_names[at]) return false;
  return true;
}());

[[nodiscard]] constexpr std::string_view name_of(Interval interval) {
  return interval_names[static_cast<std::size_t>(interval)];
}
[[nodiscard]] std::optional<Interval> interval_named(std::string_view name);
[[nodiscard]] constexpr Interval interval_of(tally::Granularity granularity) {
  return static_cast<Interval>(granularity);
}
// The coarsest windows that intervals are united from.
[[nodiscard]] constexpr tally::Granularity windows_of(Interval interval) {
  return interval < Interval::day ? static_cast<tally::Granularity>(interval) : tally::Granularity::day;
}

// The number of intervals that touch the range. In a zone whose days are rounded it may be one more or less
// than starts_in() has.
[[nodiscard]] std::size_t count_in(const UsedRange& range, Interval interval, const TimeZone& zone);

struct IntervalStarts {
  // The start of each interval that touches the range, then the end of the last one. Ascending.
  std::vector<WindowStart> starts;
  // Days of the zone do not begin on a full hour of UTC. The starts are rounded to the nearest one, a half
  // up.
  bool rounded = false;
};

// Days, weeks (from Monday, ISO 8601) and months begin at midnight in the zone, so a day can have 23 or 25
// hours. A day that the zone skipped is no interval. Minutes and hours are those of UTC; for hours in a zone
// off the hour `rounded` is set. Memory and time: proportional to count_in().
[[nodiscard]] IntervalStarts starts_in(const UsedRange& range, Interval interval, const TimeZone& zone);

}  // namespace weir::report
