// Calendar arithmetic is done on dates of the zone. Only then the dates become times, because a day of a zone
// can have 23 or 25 hours.
#include "report/interval.hpp"

#include <algorithm>

namespace weir::report {

namespace {

using namespace std::chrono;

// The first date of the period of `interval` that contains the date.
LocalDate first_date(Interval interval, LocalDate date) {
  if (interval == Interval::week) return date - (weekday(date) - Monday);
  if (interval != Interval::month) return date;
  const year_month_day calendar(date);
  return local_days(calendar.year() / calendar.month() / 1);
}

// The first date of the next period. `first` is one of first_date(). A negative `periods` goes back.
LocalDate later(Interval interval, LocalDate first, int periods) {
  if (interval == Interval::week) return first + days(7 * periods);
  if (interval != Interval::month) return first + days(periods);
  return local_days(year_month_day(first) + months(periods));
}

// The range ends before `to`, so its last second decides.
LocalDate last_date(const UsedRange& range, const TimeZone& zone) {
  return zone.date_at(range.to - seconds(1));
}

// True for zones such as Asia/Kolkata (UTC+05:30), whose hours are not those of UTC.
bool is_off_the_hour(const TimeZone& zone, WindowStart time) {
  return zone.offset_at(time) % hours(1) != seconds(0);
}

// To the nearest hour, a half up. std::chrono::round() would round a half to the even hour.
WindowStart nearest_hour(WindowStart time) { return floor<hours>(time + minutes(30)); }

// Minutes and hours. Their starts do not depend on the zone; only the warning `rounded` does.
IntervalStarts windows_in_utc(const UsedRange& range, Interval interval, const TimeZone& zone) {
  const tally::Granularity granularity = windows_of(interval);
  IntervalStarts found;
  const WindowStart end = tally::ceil_to(granularity, range.to);
  for (auto at = tally::floor_to(granularity, range.from); at < end; at += tally::width_of(granularity))
    found.starts.push_back(at);
  found.starts.push_back(end);
  found.rounded = interval == Interval::hour &&
                  (is_off_the_hour(zone, range.from) || is_off_the_hour(zone, range.to - seconds(1)));
  return found;
}

}  // namespace

std::optional<Interval> interval_named(std::string_view name) {
  const auto found = std::ranges::find(interval_names, name);
  if (found == interval_names.end()) return std::nullopt;
  return static_cast<Interval>(found - interval_names.begin());
}

std::size_t count_in(const UsedRange& range, Interval interval, const TimeZone& zone) {
  if (interval < Interval::day) return windows_in(range, windows_of(interval));
  const LocalDate first = first_date(interval, zone.date_at(range.from));
  const LocalDate last = first_date(interval, last_date(range, zone));
  if (interval != Interval::month)
    return static_cast<std::size_t>((last - first) / days(interval == Interval::week ? 7 : 1)) + 1;
  const year_month_day from(first);
  const year_month_day to(last);
  return static_cast<std::size_t>((to.year() / to.month() - from.year() / from.month()).count()) + 1;
}

// Begins two periods early: rounding may move the start of the first period after the start of the range, and
// the date before it may be one that the zone skipped.
IntervalStarts starts_in(const UsedRange& range, Interval interval, const TimeZone& zone) {
  if (interval < Interval::day) return windows_in_utc(range, interval, zone);
  IntervalStarts found;
  LocalDate date = later(interval, first_date(interval, zone.date_at(range.from)), -2);
  for (;; date = later(interval, date, 1)) {
    const WindowStart midnight = zone.start_of(date);
    const WindowStart start = nearest_hour(midnight);
    if (start <= range.from) {
      found.starts.assign(1, start);
      found.rounded = start != midnight;
      continue;
    }
    if (start == found.starts.back()) continue;  // a date that was skipped
    found.starts.push_back(start);
    found.rounded |= start != midnight;
    if (start >= range.to) return found;
  }
}

}  // namespace weir::report
