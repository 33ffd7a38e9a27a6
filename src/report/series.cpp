// The figures of each interval of a range.
#include <algorithm>
#include <string>
#include <utility>

#include "base/limits.hpp"
#include "report/reading.hpp"

namespace weir::report {

namespace {

using tally::Granularity;

Result<void> check_points(const UsedRange& range, Granularity interval) {
  const auto points = windows_in(range, interval);
  if (points <= limits::points_max) return {};
  std::string text = "interval is '" + std::string(name_of(interval)) + "', which makes " +
                     std::to_string(points) + " points of this range; expected at most " +
                     std::to_string(limits::points_max);
  if (interval == tally::coarsest_granularity)
    return fail(ErrorKind::invalid, "too_many_points", text + ": ask for a shorter range");
  const auto fits = [&](Granularity coarser) {
    return coarser > interval && windows_in(range, coarser) <= limits::points_max;
  };
  const auto fitting = std::ranges::find_if(tally::all_granularities, fits);
  const auto next = fitting == tally::all_granularities.end() ? tally::coarsest_granularity : *fitting;
  return fail(ErrorKind::invalid, "too_many_points",
              text + ": ask for interval=" + std::string(name_of(next)));
}

// The points of a part of the range that begins and ends where intervals do, or where the range does.
Result<void> append_points(std::vector<Point>& points, const Reading& reading, const UsedRange& part,
                           Granularity interval, const Wanted& wanted) {
  const auto first = floor_to(interval, part.from);
  const auto width = width_of(interval);
  std::vector<Gathered> gathered(windows_in(part, interval));
  auto done = scan(reading, decompose(part, interval, reading.horizons), wanted, [&](const ViewRow& row) {
    return gathered.at(static_cast<std::size_t>((row.start - first) / width)).add(row);
  });
  if (!done) return done;
  for (std::size_t i = 0; i < gathered.size(); ++i)
    points.push_back({first + width * static_cast<std::int64_t>(i), gathered[i].numbers()});
  return {};
}

}  // namespace

Result<SeriesAnswer> series_of(const Reading& reading, const SeriesQuery& query) {
  SeriesAnswer answer;
  answer.range = round_outward(query.range, reading.horizons);
  answer.interval = std::max(query.interval, answer.range.finest);
  if (auto fits = check_points(answer.range, answer.interval); !fits) return propagate(fits);

  constexpr int points_at_a_time = 250;  // bounds the sketches in memory to some megabytes
  const auto wanted = wanted_by(query.filter);
  const auto step = width_of(answer.interval) * points_at_a_time;
  auto part = answer.range;
  for (auto at = floor_to(answer.interval, answer.range.from); at < answer.range.to; at += step) {
    part.from = std::max(at, answer.range.from);
    part.to = std::min(at + step, answer.range.to);
    auto done = append_points(answer.points, reading, part, answer.interval, wanted);
    if (!done) return propagate(done);
  }
  return answer;
}

}  // namespace weir::report
