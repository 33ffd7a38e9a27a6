// Time zones of the IANA database (https://www.iana.org/time-zones), as installed on this machine by the
// package tzdata: in TZDIR, else in /usr/share/zoneinfo.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace weir::report {

// A date of the calendar, without a time zone.
using LocalDate = std::chrono::local_days;

// A value that is cheap to copy. Thread-safe.
class TimeZone {
 public:
  // UTC, which needs no data.
  TimeZone() = default;

  // Returns the zone of that name, in the case of the database: "Europe/Berlin". The file of each zone is
  // read once per process.
  //
  // Errors: ErrorKind::invalid, unknown_time_zone: no such name. ErrorKind::internal, tzdata_missing: the
  // machine has no time zone data; the text names the folder and the package.
  [[nodiscard]] static Result<TimeZone> find(std::string_view name);

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] bool is_utc() const { return rules_ == nullptr; }

  // The date that a calendar in this zone shows.
  [[nodiscard]] LocalDate date_at(std::chrono::sys_seconds time) const;

  // The first second of a date. A date that begins with a gap (00:00 to 01:00 does not exist) begins after
  // it. Of a midnight that occurs twice, the first one counts. A date that the zone skipped as a whole begins
  // where the next date does, so it has no length.
  [[nodiscard]] std::chrono::sys_seconds start_of(LocalDate date) const;

  // What is added to UTC to get the local time.
  [[nodiscard]] std::chrono::seconds offset_at(std::chrono::sys_seconds time) const;

  friend bool operator==(const TimeZone&, const TimeZone&) = default;

 private:
  struct Rules;  // live as long as the process
  explicit TimeZone(const Rules* rules) : rules_(rules) {}

  const Rules* rules_ = nullptr;  // null: UTC
};

}  // namespace weir::report
