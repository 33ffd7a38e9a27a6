// The time of a log line, read part by part. The parts are what the conversions of strftime(3) write in the C
// locale. Pure functions; any thread may call them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "formats/log_format.hpp"

namespace weir::formats {

// What was read of a time so far. The calendar and the epoch exclude each other.
struct TimeParts {
  int year = 0;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
  // With hour_of_12, `hour` is 1 to 12 and `afternoon` tells the half of the day.
  bool hour_of_12 = false;
  bool afternoon = false;
  bool by_epoch = false;
  // The offset of local time, positive in the east of UTC.
  int zone_seconds = 0;
  // Seconds since 1970, used in place of the calendar if `by_epoch`.
  std::int64_t epoch_seconds = 0;
  // The fraction of the second, with either of them.
  std::int64_t nanoseconds = 0;
};

// Reads the part `field` at the beginning of `text` and removes it. False if it is not there. About 5 ns.
[[nodiscard]] bool take_time_part(Field field, std::string_view& text, TimeParts& parts);

// Nothing if the day does not exist, or the time is before limits::year_min or after the last year that
// EventTime covers completely. Second 60 is the second after 59.
[[nodiscard]] std::optional<EventTime> to_event_time(const TimeParts& parts);

// Reads a complete time: "2015-05-17T10:05:03.123+02:00" (or +0200, Z), "17/May/2015:10:05:03 +0000", or a
// number since 1970. The size of the number decides whether it counts seconds, milliseconds, microseconds or
// nanoseconds.
[[nodiscard]] std::optional<EventTime> read_timestamp(std::string_view text);

}  // namespace weir::formats
