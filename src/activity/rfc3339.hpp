// RFC 3339 date-times, read and written. No locale, no allocation when reading.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace weir::activity {

// Reads "2015-05-19T19:00:00.123456789+02:00". The offset is required (Z, z, ±hh:mm with hh ≤ 23 and mm ≤ 59), the
// fraction has 1 to 9 digits, 'T' may be 't'; a leap second (:60) is refused, and so are years that EventTime cannot
// hold whole (before 1678, after 2261). Errors are Move::caller, time_invalid, and say what was expected and found;
// about 13 ns.
[[nodiscard]] Result<EventTime> parse_rfc3339(std::string_view text);

// Always UTC. A moment outside the years 0000 to 9999 is written as the nearest that fits.
//
// "2015-05-19T19:00:00Z"
[[nodiscard]] std::string format_rfc3339(WindowStart moment);
// "2015-05-19T19:00:00.123Z"
[[nodiscard]] std::string format_rfc3339(WallTime moment);
// As exact as it must be: "2015-05-19T19:00:00Z", "….123Z", "….123456Z" or "….123456789Z"
[[nodiscard]] std::string format_rfc3339(EventTime moment);

}  // namespace weir::activity
