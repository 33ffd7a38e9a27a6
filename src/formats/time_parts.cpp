#include "formats/time_parts.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "base/decimal.hpp"
#include "base/limits.hpp"

namespace weir::formats {
namespace {

constexpr std::array<std::string_view, 12> months{"January",   "February", "March",    "April",
                                                  "May",       "June",     "July",     "August",
                                                  "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> days{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                               "Thursday", "Friday", "Saturday"};
constexpr int last_year = 2261;  // the last one that EventTime covers completely
constexpr std::size_t name_bytes = 3;
constexpr std::size_t epoch_digits_max = 19;

// Exactly `count` digits.
bool take_digits(std::string_view& text, std::size_t count, int& number) {
  if (text.size() < count) return false;
  const int value = digits_value(text.substr(0, count));
  if (value < 0) return false;
  number = value;
  text.remove_prefix(count);
  return true;
}

// Two digits, or one with or without a space before it (%e, %k).
bool take_up_to_two_digits(std::string_view& text, int& number) {
  if (text.size() >= 2 && is_digit(text[0]) && is_digit(text[1])) return take_digits(text, 2, number);
  if (text.starts_with(' ')) text.remove_prefix(1);
  return take_digits(text, 1, number);
}

// A name, or its first three characters.
template <std::size_t count>
bool take_name(std::string_view& text, const std::array<std::string_view, count>& names, int& number) {
  for (std::size_t at = 0; at < count; ++at) {
    if (!text.starts_with(names[at].substr(0, name_bytes))) continue;
    number = static_cast<int>(at) + 1;
    text.remove_prefix(text.starts_with(names[at]) ? names[at].size() : name_bytes);
    return true;
  }
  return false;
}

// AM, PM, am or pm.
bool take_half_day(std::string_view& text, bool& afternoon) {
  if (text.size() < 2 || (text[1] != 'M' && text[1] != 'm')) return false;
  if (text[0] != 'A' && text[0] != 'a' && text[0] != 'P' && text[0] != 'p') return false;
  afternoon = text[0] == 'P' || text[0] == 'p';
  text.remove_prefix(2);
  return true;
}

// +hhmm, +hh:mm, -hhmm, Z, UTC or GMT.
bool take_zone(std::string_view& text, int& seconds) {
  for (const std::string_view utc : {"Z", "UTC", "GMT"}) {
    if (!text.starts_with(utc)) continue;
    seconds = 0;
    text.remove_prefix(utc.size());
    return true;
  }
  if (!text.starts_with('+') && !text.starts_with('-')) return false;
  // The colon between hours and minutes is optional.
  const bool west = text.front() == '-';
  text.remove_prefix(1);
  int hours = 0;
  int minutes = 0;
  if (!take_digits(text, 2, hours)) return false;
  if (text.starts_with(':')) text.remove_prefix(1);
  if (!take_digits(text, 2, minutes) || hours > 23 || minutes > 59) return false;
  seconds = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
  return true;
}

// A count of units since 1970, with or without a fraction of a unit.
bool take_epoch(std::string_view& text, std::int64_t units_per_second, TimeParts& parts) {
  std::int64_t count = 0;
  const std::size_t bytes = std::min(text.size(), epoch_digits_max);
  const auto [end, error] = std::from_chars(text.data(), text.data() + bytes, count);
  if (error != std::errc() || count < 0) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  parts.by_epoch = true;
  parts.epoch_seconds = count / units_per_second;
  const std::int64_t nanoseconds_per_unit = 1'000'000'000 / units_per_second;
  parts.nanoseconds = count % units_per_second * nanoseconds_per_unit;
  if (text.size() < 2 || text[0] != '.' || !is_digit(text[1])) return true;
  text.remove_prefix(1);
  parts.nanoseconds += take_fraction(text).nanoseconds / units_per_second;
  return true;
}

// A fraction of a fixed number of digits, as Apache's msec_frac and usec_frac write it.
bool take_fraction_part(std::string_view& text, std::size_t digits, int nanoseconds_per_unit,
                        TimeParts& parts) {
  int number = 0;
  if (!take_digits(text, digits, number)) return false;
  parts.nanoseconds = std::int64_t{number} * nanoseconds_per_unit;
  return true;
}

bool take_year_of_century(std::string_view& text, int& year) {
  if (!take_digits(text, 2, year)) return false;
  year += year < 69 ? 2000 : 1900;  // as strptime(3) in POSIX
  return true;
}

// Reads the fields one after another, each but the last followed by its separator.
bool take_parts(std::initializer_list<Field> fields, std::string_view separators, std::string_view& text,
                TimeParts& parts) {
  std::size_t at = 0;
  for (const Field field : fields) {
    if (!take_time_part(field, text, parts)) return false;
    if (at == separators.size()) continue;
    if (!text.starts_with(separators[at++])) return false;
    text.remove_prefix(1);
  }
  return true;
}

bool take_iso8601(std::string_view& text, TimeParts& parts) {
  using enum Field;
  if (!take_parts({year, month, day}, "--", text, parts)) return false;
  if (!text.starts_with('T') && !text.starts_with(' ')) return false;
  text.remove_prefix(1);
  if (!take_parts({hour, minute, second}, "::", text, parts)) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    parts.nanoseconds = take_fraction(text).nanoseconds;
  }
  return take_time_part(zone, text, parts);
}

}  // namespace

bool take_time_part(Field field, std::string_view& text, TimeParts& parts) {
  int ignored = 0;
  switch (field) {
    case Field::year:
      return take_digits(text, 4, parts.year);
    case Field::year_of_century:
      return take_year_of_century(text, parts.year);
    case Field::month:
      return take_digits(text, 2, parts.month);
    case Field::month_name:
      return take_name(text, months, parts.month);
    case Field::day:
      return take_up_to_two_digits(text, parts.day);
    case Field::day_name:
      return take_name(text, days, ignored);
    case Field::day_of_year:
      return take_digits(text, 3, ignored);
    // The hour is read like any other, and interpreted with AM or PM at the end.
    case Field::hour_of_12:
      parts.hour_of_12 = true;
      [[fallthrough]];
    case Field::hour:
      return take_up_to_two_digits(text, parts.hour);
    case Field::half_day:
      return take_half_day(text, parts.afternoon);
    case Field::minute:
      return take_digits(text, 2, parts.minute);
    case Field::second:
      return take_digits(text, 2, parts.second);
    case Field::milliseconds:
      return take_fraction_part(text, 3, 1'000'000, parts);
    case Field::microseconds:
      return take_fraction_part(text, 6, 1'000, parts);
    case Field::zone:
      return take_zone(text, parts.zone_seconds);
    case Field::epoch:
      return take_epoch(text, 1, parts);
    case Field::epoch_milliseconds:
      return take_epoch(text, 1'000, parts);
    case Field::epoch_microseconds:
      return take_epoch(text, 1'000'000, parts);
    default:
      return false;
  }
}

std::optional<EventTime> to_event_time(const TimeParts& parts) {
  using std::chrono::seconds;
  std::chrono::sys_seconds time{seconds{parts.epoch_seconds}};
  if (!parts.by_epoch) {
    int hour = parts.hour;
    if (parts.hour_of_12) {
      if (hour < 1 || hour > 12) return std::nullopt;
      hour = hour % 12 + (parts.afternoon ? 12 : 0);
    }
    const std::chrono::year_month_day date{std::chrono::year{parts.year},
                                           std::chrono::month{static_cast<unsigned>(parts.month)},
                                           std::chrono::day{static_cast<unsigned>(parts.day)}};
    // Second 60 is a leap second: it is counted as the next second.
    if (!date.ok() || hour > 23 || parts.minute > 59 || parts.second > 60) return std::nullopt;
    time = std::chrono::sys_days{date} +
           seconds{hour * 3600 + parts.minute * 60 + parts.second - parts.zone_seconds};
  }
  constexpr std::chrono::sys_seconds first =
      std::chrono::sys_days{std::chrono::year{limits::year_min} / 1 / 1};
  constexpr std::chrono::sys_seconds end = std::chrono::sys_days{std::chrono::year{last_year + 1} / 1 / 1};
  if (time < first || time >= end) return std::nullopt;
  return time + std::chrono::nanoseconds{parts.nanoseconds};
}

std::optional<EventTime> read_timestamp(std::string_view text) {
  TimeParts parts;
  std::string_view rest = text;
  if (take_iso8601(rest, parts) && rest.empty()) return to_event_time(parts);
  using enum Field;
  parts = {};
  rest = text;
  if (take_parts({day, month_name, year, hour, minute, second, zone}, "//::: ", rest, parts) && rest.empty())
    return to_event_time(parts);
  parts = {};
  rest = text;
  if (!take_epoch(rest, 1, parts) || !rest.empty()) return std::nullopt;
  // A count of 10^11 or more is not in seconds: that would be the year 5138. In milliseconds it is in 1973 or
  // later.
  for (std::int64_t units = 1'000; parts.epoch_seconds >= 100'000'000'000 && units <= 1'000'000'000;
       units *= 1'000) {
    rest = text;
    if (!take_epoch(rest, units, parts)) return std::nullopt;
  }
  return to_event_time(parts);
}

}  // namespace weir::formats
