#include "activity/rfc3339.hpp"

#include <array>
#include <chrono>

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
constexpr std::size_t shown_bytes_max = 64;

constexpr bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

// The number that `count` digits at `at` make, or -1.
int number_at(std::string_view text, std::size_t at, int count) {
  int number = 0;
  for (int each = 0; each < count; ++each) {
    const char digit = text[at + static_cast<std::size_t>(each)];
    if (!is_digit(digit)) return -1;
    number = number * 10 + (digit - '0');
  }
  return number;
}

constexpr std::string_view date_time_expected =
    "a date-time with an offset as RFC 3339 writes it, like \"2015-05-19T19:00:00Z\"";

std::unexpected<Error> refuse(std::string_view text, std::string_view why, std::string_view expected) {
  std::string said(why);
  said.append(": expected ").append(expected).append(", found ");
  append_json_string(said, text.substr(0, shown_bytes_max));
  if (text.size() > shown_bytes_max) said += "…";
  return fail(ErrorKind::invalid, "time_invalid", std::move(said));
}

struct Reading {
  sys_seconds local;
  nanoseconds fraction{0};
  seconds offset{0};
  std::string_view wrong;  // why it cannot be read; empty if all is well
};

void read_date_and_time(std::string_view text, Reading& reading) {
  const int year = number_at(text, 0, 4);
  const int month = number_at(text, 5, 2);
  const int day = number_at(text, 8, 2);
  const int hour = number_at(text, 11, 2);
  const int minute = number_at(text, 14, 2);
  const int second = number_at(text, 17, 2);
  const bool separated = text[4] == '-' && text[7] == '-' && (text[10] == 'T' || text[10] == 't') &&
                         text[13] == ':' && text[16] == ':';
  if (!separated || year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) {
    reading.wrong = "not a date-time";
  } else if (const year_month_day date{std::chrono::year{year},
                                       std::chrono::month{static_cast<unsigned>(month)},
                                       std::chrono::day{static_cast<unsigned>(day)}};
             !date.ok()) {
    reading.wrong = "there is no such day";
  } else if (second == 60) {
    reading.wrong = "leap seconds are not taken";
  } else if (hour > 23 || minute > 59 || second > 59) {
    reading.wrong = "there is no such time of day";
  } else {
    reading.local = sys_days{date} + seconds{hour * 3600 + minute * 60 + second};
  }
}

// Reads ".123" at the start of `rest`, if it stands there, and takes it off.
void read_fraction(std::string_view& rest, Reading& reading) {
  if (rest.empty() || rest.front() != '.') return;
  rest.remove_prefix(1);
  std::size_t digits = 0;
  std::int64_t number = 0;
  while (digits < rest.size() && is_digit(rest[digits])) {
    if (digits < 9) number = number * 10 + (rest[digits] - '0');
    ++digits;
  }
  if (digits < 1 || digits > 9) {
    reading.wrong = "the fraction of the second must have 1 to 9 digits";
    return;
  }
  for (std::size_t each = digits; each < 9; ++each) number *= 10;
  reading.fraction = nanoseconds{number};
  rest.remove_prefix(digits);
}

void read_offset(std::string_view rest, Reading& reading) {
  if (rest == "Z" || rest == "z") return;
  if (rest.empty()) {
    reading.wrong = "there is no offset";
    return;
  }
  const bool shaped = rest.size() == offset_bytes && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':';
  const int hours = shaped ? number_at(rest, 1, 2) : -1;
  const int minutes = shaped ? number_at(rest, 4, 2) : -1;
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) {
    reading.wrong = "the offset must be Z or from -23:59 to +23:59";
    return;
  }
  reading.offset = (rest[0] == '-' ? -1 : 1) * seconds{hours * 3600 + minutes * 60};
}

void append_number(std::string& out, std::int64_t number, int digits) {
  std::array<char, 20> text;
  for (int at = digits - 1; at >= 0; --at) {
    text[static_cast<std::size_t>(at)] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  out.append(text.data(), static_cast<std::size_t>(digits));
}

// "2015-05-19T19:00:00", without an offset.
std::string date_and_time(sys_seconds moment) {
  const sys_days day = floor<days>(moment);
  const year_month_day date{day};
  const std::int64_t second = (moment - day).count();
  std::string out;
  out.reserve(date_time_bytes + 11);
  append_number(out, static_cast<int>(date.year()), 4);
  out += '-';
  append_number(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_number(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_number(out, second / 3600, 2);
  out += ':';
  append_number(out, second / 60 % 60, 2);
  out += ':';
  append_number(out, second % 60, 2);
  return out;
}

constexpr sys_days first_event_day{std::chrono::year{event_year_min} / 1 / 1};
constexpr sys_days past_last_event_day{std::chrono::year{event_year_max + 1} / 1 / 1};
static_assert(first_event_day >= EventTime::min() && past_last_event_day <= EventTime::max());

constexpr sys_days first_day{std::chrono::year{0} / 1 / 1};
constexpr sys_days past_last_day{std::chrono::year{10000} / 1 / 1};

}  // namespace

Result<DateTime> parse_date_time(std::string_view text) {
  if (text.size() < date_time_bytes) return refuse(text, "not a date-time", date_time_expected);
  Reading reading;
  read_date_and_time(text, reading);
  std::string_view rest = text.substr(date_time_bytes);
  if (reading.wrong.empty()) read_fraction(rest, reading);
  if (reading.wrong.empty()) read_offset(rest, reading);
  if (!reading.wrong.empty()) return refuse(text, reading.wrong, date_time_expected);
  return DateTime{reading.local - reading.offset, reading.fraction};
}

Result<EventTime> parse_rfc3339(std::string_view text) {
  const auto time = parse_date_time(text);
  if (!time) return std::unexpected(time.error());
  constexpr std::string_view years = "a year from 1678 to 2261";
  static_assert(event_year_min == 1678 && event_year_max == 2261, "the text says so");
  if (time->second < first_event_day) return refuse(text, "the year is before 1678 in UTC", years);
  if (time->second >= past_last_event_day) return refuse(text, "the year is after 2261 in UTC", years);
  return EventTime{time->second.time_since_epoch()} + time->fraction;
}

std::string format_rfc3339(WindowStart moment) {
  const sys_seconds shown = std::clamp<sys_seconds>(moment, first_day, past_last_day - seconds{1});
  return date_and_time(shown) + 'Z';
}

std::string format_rfc3339(WallTime moment) {
  using std::chrono::milliseconds;
  const WallTime shown = std::clamp<WallTime>(moment, first_day, past_last_day - milliseconds{1});
  const sys_seconds whole = floor<seconds>(shown);
  std::string out = date_and_time(whole);
  out += '.';
  append_number(out, (shown - whole).count(), 3);
  out += 'Z';
  return out;
}

std::string format_rfc3339(EventTime moment) {
  // Every EventTime lies in the years 1677 to 2262.
  const sys_seconds whole = floor<seconds>(moment);
  const seconds towards_zero = std::chrono::duration_cast<seconds>(moment.time_since_epoch());
  std::int64_t fraction = (moment.time_since_epoch() - towards_zero).count();
  if (fraction < 0) fraction += 1'000'000'000;  // the second below the first EventTime is none itself
  std::string out = date_and_time(whole);
  if (fraction != 0) {
    int digits = 9;
    for (; fraction % 1000 == 0; fraction /= 1000) digits -= 3;
    out += '.';
    append_number(out, fraction, digits);
  }
  out += 'Z';
  return out;
}

}  // namespace weir::activity
