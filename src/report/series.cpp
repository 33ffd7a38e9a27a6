// The figures of each interval of a range.
#include <algorithm>
#include <string>
#include <utility>

#include "base/limits.hpp"
#include "report/reading.hpp"

namespace weir::report {

namespace {

// Refuses a series with too many points. The error names the finest interval that has few enough.
Result<void> check_points(const UsedRange& range, Interval interval, const TimeZone& zone) {
  const auto points = count_in(range, interval, zone);
  if (points <= limits::points_max) return {};
  std::string text = "interval is '" + std::string(name_of(interval)) + "', which makes " +
                     std::to_string(points) + " points of this range; expected at most " +
                     std::to_string(limits::points_max);
  constexpr auto last = static_cast<std::size_t>(interval_names.size()) - 1;
  for (std::size_t coarser = static_cast<std::size_t>(interval) + 1; coarser <= last; ++coarser) {
    // The coarsest interval is proposed even if it has too many points: no other one has fewer.
    if (coarser < last && count_in(range, static_cast<Interval>(coarser), zone) > limits::points_max)
      continue;
    return fail(ErrorKind::invalid, "too_many_points",
                text + ": ask for interval=" + std::string(interval_names[coarser]));
  }
  return fail(ErrorKind::invalid, "too_many_points", text + ": ask for a shorter range");
}

// The windows of [from, to), in runs: those of each interval are as coarse as fit into it. Runs of the same
// granularity that adjoin are one run.
std::vector<WindowRun> runs_of(const Reading& reading, const UsedRange& range, Interval interval,
                               std::span<const WindowStart> starts) {
  std::vector<WindowRun> runs;
  UsedRange part = range;
  for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
    part.from = std::max(starts[i], range.from);
    part.to = std::min(starts[i + 1], range.to);
    for (const WindowRun& run : decompose(part, windows_of(interval), reading.horizons)) {
      if (!runs.empty() && runs.back().granularity == run.granularity && runs.back().to == run.from)
        runs.back().to = run.to;
      else
        runs.push_back(run);
    }
  }
  return runs;
}

}  // namespace

TimeZone zone_of(const UsedRange& range, const TimeZone& wanted) {
  return range.finest <= tally::Granularity::hour ? wanted : TimeZone();
}

Result<std::vector<Point>> points_of(const Reading& reading, const UsedRange& range, Interval interval,
                                     std::span<const WindowStart> starts, const Wanted& wanted) {
  std::vector<Gathered> gathered(starts.size() - 1);
  auto done = scan(reading, runs_of(reading, range, interval, starts), wanted, [&](const ViewRow& row) {
    // The interval of a row is the last one that starts at or before the window of the row.
    const auto after = std::ranges::upper_bound(starts, row.start);
    return gathered.at(static_cast<std::size_t>(after - starts.begin()) - 1).add(row);
  });
  if (!done) return propagate(done);
  std::vector<Point> points;
  for (std::size_t i = 0; i < gathered.size(); ++i) points.push_back({starts[i], gathered[i].numbers()});
  return points;
}

Result<SeriesAnswer> series_of(const Reading& reading, const SeriesQuery& query) {
  SeriesAnswer answer;
  answer.range = round_outward(query.range, reading.horizons);
  // An interval finer than the windows that are kept cannot be answered.
  answer.interval = std::max(query.interval, interval_of(answer.range.finest));
  const TimeZone zone = zone_of(answer.range, query.zone);
  if (!query.zone.is_utc()) answer.zone = zone;
  if (auto fits = check_points(answer.range, answer.interval, zone); !fits) return propagate(fits);

  const auto wanted = wanted_by(query.filter);
  const IntervalStarts intervals = starts_in(answer.range, answer.interval, zone);
  answer.rounded = intervals.rounded;
  const std::span<const WindowStart> starts = intervals.starts;
  // Sketches are in memory for one part of the points only.
  for (std::size_t first = 0; first + 1 < starts.size(); first += points_at_a_time) {
    const auto part = starts.subspan(first, std::min(points_at_a_time + 1, starts.size() - first));
    auto points = points_of(reading, answer.range, answer.interval, part, wanted);
    if (!points) return propagate(points);
    answer.points.insert(answer.points.end(), points->begin(), points->end());
  }
  return answer;
}

}  // namespace weir::report
