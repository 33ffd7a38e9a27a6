// Reads and writes RFC 3339 date-times. No locale; reading allocates nothing. Pure functions; any thread may
// call them.
#pragma once

#include <chrono>
#include <compare>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace weir::activity {

// A date-time in UTC, of any year of four digits.
struct DateTime {
  std::chrono::sys_seconds second;
  std::chrono::nanoseconds fraction{0};  // of the second: 0 to 999,999,999

  friend auto operator<=>(const DateTime&, const DateTime&) = default;
};

// The first and the last year in UTC that an EventTime covers completely.
inline constexpr int event_year_min = 1678;
inline constexpr int event_year_max = 2261;

// Reads "2015-05-19T19:00:00.123456789+02:00". The offset is required: Z, z or ±hh:mm with hh ≤ 23 and mm ≤
// 59. The fraction has 1 to 9 digits. 'T' may be 't' or a space (RFC 3339, section 5.6). Second 60 is the
// second after 59, in every minute. About 13 ns.
// ErrorKind::invalid, time_invalid: the text says what was expected and what was found.
[[nodiscard]] Result<DateTime> parse_date_time(std::string_view text);

// The same as an EventTime. Years before event_year_min and after event_year_max are refused, too.
[[nodiscard]] Result<EventTime> parse_rfc3339(std::string_view text);

// The time in UTC. A time outside of the years 0000 to 9999 is written as the nearest one within them.
//
// "2015-05-19T19:00:00Z"
[[nodiscard]] std::string format_rfc3339(WindowStart time);
// "2015-05-19T19:00:00.123Z"
[[nodiscard]] std::string format_rfc3339(WallTime time);
// With as many digits as needed: "2015-05-19T19:00:00Z", "….123Z", "….123456Z" or "….123456789Z"
[[nodiscard]] std::string format_rfc3339(EventTime time);

}  // namespace weir::activity
