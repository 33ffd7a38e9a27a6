#include "activity/rfc3339.hpp"

#include <algorithm>
#include <chrono>

#include "base/decimal.hpp"
#include "base/json_text.hpp"

namespace weir::activity {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using std::chrono::year_month_day;

constexpr std::size_t date_time_bytes = std::string_view("2015-05-19T19:00:00").size();
constexpr std::size_t offset_bytes = std::string_view("+02:00").size();
// An error shows only the beginning of a long text.
constexpr std::size_t shown_bytes_max = 64;

// The number that `count` digits at `at` make, or -1. The text must have them.
int number_at(std::string_view text, std::size_t at, std::size_t count) {
  return digits_value({text.data() + at, count});
}

constexpr std::string_view date_time_expected =
    "a date-time with an offset as RFC 3339 writes it, like \"2015-05-19T19:00:00Z\"";

// "<why>: expected <what>, found <text>"
std::unexpected<Error> refuse(std::string_view text, std::string_view why, std::string_view expected) {
  std::string message(why);
  message.append(": expected ").append(expected).append(", found ");
  append_json_string(message, text.substr(0, shown_bytes_max));
  if (text.size() > shown_bytes_max) message += "…";
  return fail(ErrorKind::invalid, "time_invalid", std::move(message));
}

// The parts of a date-time that were read so far.
struct Reading {
  sys_seconds local;
  nanoseconds fraction{0};
  seconds offset{0};
  std::string_view error;  // why it cannot be read; empty if it can
};

// The first 19 bytes. They are at fixed offsets.
void read_date_and_time(std::string_view text, Reading& reading) {
  const int year = number_at(text, 0, 4);
  const int month = number_at(text, 5, 2);
  const int day = number_at(text, 8, 2);
  const int hour = number_at(text, 11, 2);
  const int minute = number_at(text, 14, 2);
  const int second = number_at(text, 17, 2);
  const bool separated = text[4] == '-' && text[7] == '-' &&
                         (text[10] == 'T' || text[10] == 't' || text[10] == ' ') && text[13] == ':' &&
                         text[16] == ':';
  if (!separated || year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) {
    reading.error = "not a date-time";
  } else if (const year_month_day date{std::chrono::year{year},
                                       std::chrono::month{static_cast<unsigned>(month)},
                                       std::chrono::day{static_cast<unsigned>(day)}};
             !date.ok()) {
    reading.error = "there is no such day";
  } else if (hour > 23 || minute > 59 || second > 60) {
    reading.error = "there is no such time of day";
  } else {
    // A leap second has no number of its own in Unix time: second 60 is the second after 59.
    reading.local = sys_days{date} + seconds{hour * 3600 + minute * 60 + second};
  }
}

// Removes ".123" from the beginning of `rest`, if it is there.
void take_fraction_of_second(std::string_view& rest, Reading& reading) {
  if (rest.empty() || rest.front() != '.') return;
  rest.remove_prefix(1);
  const Fraction fraction = take_fraction(rest);
  if (fraction.digits < 1 || fraction.digits > 9)
    reading.error = "the fraction of the second must have 1 to 9 digits";
  reading.fraction = nanoseconds{fraction.nanoseconds};
}

// The rest of the text must be the offset.
void read_offset(std::string_view rest, Reading& reading) {
  if (rest == "Z" || rest == "z") return;
  if (rest.empty()) {
    reading.error = "there is no offset";
    return;
  }
  const bool has_form = rest.size() == offset_bytes && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':';
  const int hours = has_form ? number_at(rest, 1, 2) : -1;
  const int minutes = has_form ? number_at(rest, 4, 2) : -1;
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) {
    reading.error = "the offset must be Z or from -23:59 to +23:59";
    return;
  }
  reading.offset = (rest[0] == '-' ? -1 : 1) * seconds{hours * 3600 + minutes * 60};
}

// "2015-05-19T19:00:00", without an offset.
std::string date_and_time(sys_seconds time) {
  const sys_days day = floor<days>(time);
  const year_month_day date{day};
  const std::int64_t second = (time - day).count();
  std::string out;
  out.reserve(date_time_bytes + 11);
  append_padded(out, static_cast<int>(date.year()), 4);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_padded(out, second / 3600, 2);
  out += ':';
  append_padded(out, second / 60 % 60, 2);
  out += ':';
  append_padded(out, second % 60, 2);
  return out;
}

// The days that an EventTime covers completely.
constexpr sys_days first_event_day{std::chrono::year{event_year_min} / 1 / 1};
constexpr sys_days past_last_event_day{std::chrono::year{event_year_max + 1} / 1 / 1};
static_assert(first_event_day >= EventTime::min() && past_last_event_day <= EventTime::max());

// The days that can be written with a year of four digits.
constexpr sys_days first_day{std::chrono::year{0} / 1 / 1};
constexpr sys_days past_last_day{std::chrono::year{10000} / 1 / 1};

}  // namespace

Result<DateTime> parse_date_time(std::string_view text) {
  if (text.size() < date_time_bytes) return refuse(text, "not a date-time", date_time_expected);
  Reading reading;
  read_date_and_time(text, reading);
  std::string_view rest = text.substr(date_time_bytes);
  if (reading.error.empty()) take_fraction_of_second(rest, reading);
  if (reading.error.empty()) read_offset(rest, reading);
  if (!reading.error.empty()) return refuse(text, reading.error, date_time_expected);
  return DateTime{reading.local - reading.offset, reading.fraction};
}

Result<EventTime> parse_rfc3339(std::string_view text) {
  // The range is checked after the offset was applied, in UTC.
  const auto time = parse_date_time(text);
  if (!time) return std::unexpected(time.error());
  constexpr std::string_view years = "a year from 1678 to 2261";
  static_assert(event_year_min == 1678 && event_year_max == 2261, "the error text names these years");
  if (time->second < first_event_day) return refuse(text, "the year is before 1678 in UTC", years);
  if (time->second >= past_last_event_day) return refuse(text, "the year is after 2261 in UTC", years);
  return EventTime{time->second.time_since_epoch()} + time->fraction;
}

std::string format_rfc3339(WindowStart time) {
  const sys_seconds shown = std::clamp<sys_seconds>(time, first_day, past_last_day - seconds{1});
  return date_and_time(shown) + 'Z';
}

std::string format_rfc3339(WallTime time) {
  using std::chrono::milliseconds;
  const WallTime shown = std::clamp<WallTime>(time, first_day, past_last_day - milliseconds{1});
  const sys_seconds whole = floor<seconds>(shown);
  std::string out = date_and_time(whole);
  out += '.';
  append_padded(out, (shown - whole).count(), 3);
  out += 'Z';
  return out;
}

std::string format_rfc3339(EventTime time) {
  // Every EventTime is in the years 1677 to 2262, so it needs no clamping.
  const sys_seconds whole = floor<seconds>(time);
  const seconds towards_zero = std::chrono::duration_cast<seconds>(time.time_since_epoch());
  std::int64_t fraction = (time.time_since_epoch() - towards_zero).count();
  // Computed from the second towards zero: the one below EventTime::min() would overflow.
  if (fraction < 0) fraction += 1'000'000'000;
  std::string out = date_and_time(whole);
  if (fraction != 0) {
    int digits = 9;
    // Groups of three zeros are left out.
    for (; fraction % 1000 == 0; fraction /= 1000) digits -= 3;
    out += '.';
    append_padded(out, fraction, digits);
  }
  out += 'Z';
  return out;
}

}  // namespace weir::activity
