// One snapshot for the whole export. Intervals are read one after the other; the values of one interval pass
// in their order, as the store sorts them.
#include "report/export.hpp"

#include <algorithm>
#include <utility>

#include "activity/rfc3339.hpp"
#include "base/json_text.hpp"
#include "base/limits.hpp"
#include "report/answer_text.hpp"
#include "report/reading.hpp"

namespace weir::report {

namespace {

// The values of one interval, and then what the others lack: `other` of a top list. Returns whether further
// rows are wanted.
Result<bool> export_values(const Reading& reading, const UsedRange& part, WindowStart time,
                           tally::Granularity coarsest, tally::Dimension dimension,
                           const TakeExportRow& take) {
  const auto runs = decompose(part, coarsest, reading.horizons);
  bool more = true;
  Numbers rest{};  // what the interval has besides its values
  ValueGatherer values([&](std::string_view value, const Gathered& gathered) {
    more = take({.time = time, .value = value, .numbers = gathered.numbers()});
    rest.events -= gathered.events;
    rest.page_views -= gathered.page_views;
    return more;
  });
  auto done =
      reading.snapshot->users_by_value({dimension, runs}, [&](const ValueRow& row) { values.add(row); });
  if (!done) return store_failed(done);
  if (auto united = values.finish(); !united) return propagate(united);
  if (!more) return false;
  // The totals of the same windows. They contain events without a value of this dimension.
  auto counted = scan(reading, runs, {.with_users = false}, [&](const ViewRow& row) {
    rest.events += row.events;
    rest.page_views += row.page_views;
    return Result<void>();
  });
  if (!counted) return propagate(counted);
  if (rest == Numbers{}) return true;
  return take({.time = time, .value = tally::value_other, .numbers = rest, .has_users = false});
}

// The rows of the intervals that begin at `starts`; the last element is the end of the last one.
Result<bool> export_part(const Reading& reading, const ExportQuery& query, const UsedRange& range,
                         Interval interval, std::span<const WindowStart> starts, const TakeExportRow& take) {
  if (!query.dimension) {
    auto points = points_of(reading, range, interval, starts, {});
    if (!points) return propagate(points);
    return std::ranges::all_of(
        *points, [&](const Point& point) { return take({.time = point.time, .numbers = point.numbers}); });
  }
  UsedRange part = range;
  for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
    part.from = std::max(starts[i], range.from);
    part.to = std::min(starts[i + 1], range.to);
    auto more =
        export_values(reading, part, starts[i], windows_of(interval), query.dimension->dimension, take);
    if (!more || !*more) return more;
  }
  return true;
}

}  // namespace

Result<void> Report::export_rows(const ExportQuery& query, const TakeExportRow& take,
                                 const Cancellation& cancellation) {
  auto reading = begin_reading(reader_, cancellation, kept_.get());
  if (!reading) return propagate(reading);
  // Where finer windows are pruned, the export uses coarser ones, as every other answer does.
  const UsedRange range = round_outward(query.range, reading->horizons);
  const TimeZone zone = zone_of(range, query.zone);
  Interval interval = Interval::day;  // the coarsest windows
  IntervalStarts intervals{{range.from, range.to}};
  if (query.interval) {
    interval = std::max(*query.interval, interval_of(range.finest));
    if (count_in(range, interval, zone) > limits::export_intervals_max)
      return fail(ErrorKind::invalid, "too_many_points",
                  "interval is '" + std::string(name_of(interval)) + "', which makes more than " +
                      std::to_string(limits::export_intervals_max) +
                      " intervals of this range; expected a coarser interval "
                      "or a shorter range");
    intervals = starts_in(range, interval, zone);
  }
  const std::span<const WindowStart> starts = intervals.starts;
  // Adjacent parts share one start: the end of a part is the beginning of the next one.
  for (std::size_t first = 0; first + 1 < starts.size(); first += points_at_a_time) {
    const auto part = starts.subspan(first, std::min(points_at_a_time + 1, starts.size() - first));
    auto more = export_part(*reading, query, range, interval, part, take);
    if (!more) return propagate(more);
    if (!*more) return {};
  }
  return {};
}

std::string export_head(const ExportQuery& query) {
  if (query.format == ExportFormat::ndjson) return "";
  return "time," + (query.dimension ? query.dimension->name + "," : "") +
         "events,page_views,unique_users\r\n";
}

void append_export_row(std::string& out, const ExportQuery& query, const ExportRow& row) {
  const std::string time = activity::format_rfc3339(row.time);
  if (query.format == ExportFormat::csv) {
    out += time + ',';
    if (query.dimension) out += csv_cell(row.value) + ',';
    out += std::to_string(row.numbers.events) + ',' + std::to_string(row.numbers.page_views) + ',';
    if (row.has_users) out += std::to_string(row.numbers.unique_users);
    out += "\r\n";
    return;
  }
  JsonText json;
  json.begin_object().member("time", time);
  if (query.dimension) json.member("value", row.value);
  json.member("events", row.numbers.events).member("page_views", row.numbers.page_views);
  json.key("unique_users");
  if (row.has_users)
    json.value(row.numbers.unique_users);
  else
    json.null();
  out += json.end_object().take() + '\n';
}

}  // namespace weir::report
