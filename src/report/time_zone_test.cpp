// Needs the time zone data of the system. The expected times are those of Python's zoneinfo.
#include "report/time_zone.hpp"

#include <gtest/gtest.h>

#include "activity/rfc3339.hpp"

namespace weir::report {
namespace {

using namespace std::chrono;

TimeZone zone_named(std::string_view name) {
  const auto zone = TimeZone::find(name);
  EXPECT_TRUE(zone) << zone.error().text;
  return zone.value_or(TimeZone());
}

TEST(TimeZone, DatesBeginAtLocalMidnight) {
  struct Case {
    const char* zone;
    year_month_day date;
    const char* start;
  };
  const Case cases[] = {
      {"UTC", 2026y / 3 / 29, "2026-03-29T00:00:00Z"},
      {"Europe/Berlin", 2026y / 3 / 29, "2026-03-28T23:00:00Z"},
      {"Europe/Berlin", 2026y / 3 / 30, "2026-03-29T22:00:00Z"},
      {"Europe/Berlin", 2026y / 10 / 26, "2026-10-25T23:00:00Z"},
      {"America/New_York", 2026y / 3 / 9, "2026-03-09T04:00:00Z"},
      {"America/New_York", 2026y / 11 / 2, "2026-11-02T05:00:00Z"},
      {"America/New_York", 2040y / 7 / 1, "2040-07-01T04:00:00Z"},  // by the rule at the end of the file
      {"Asia/Kolkata", 2026y / 6 / 15, "2026-06-14T18:30:00Z"},
      {"Australia/Lord_Howe", 2026y / 4 / 5, "2026-04-04T13:00:00Z"},
      {"Australia/Lord_Howe", 2026y / 4 / 6, "2026-04-05T13:30:00Z"},
      {"Asia/Kathmandu", 2026y / 6 / 15, "2026-06-14T18:15:00Z"},
      {"Pacific/Apia", 2011y / 12 / 29, "2011-12-29T10:00:00Z"},
      {"Pacific/Apia", 2011y / 12 / 30, "2011-12-30T10:00:00Z"},  // does not exist
      {"Pacific/Apia", 2011y / 12 / 31, "2011-12-30T10:00:00Z"},
      {"America/Sao_Paulo", 2018y / 11 / 4, "2018-11-04T03:00:00Z"},  // begins at 01:00
      {"America/Havana", 2026y / 11 / 1, "2026-11-01T04:00:00Z"},     // 00:00 occurs twice
  };
  for (const Case& each : cases) {
    const TimeZone zone = zone_named(each.zone);
    const auto start = zone.start_of(local_days(each.date));
    EXPECT_EQ(activity::format_rfc3339(start), each.start) << each.zone;
    if (std::string_view(each.zone) == "Pacific/Apia" && each.date == 2011y / 12 / 30) continue;
    EXPECT_EQ(year_month_day(zone.date_at(start)), each.date) << each.zone;
    EXPECT_NE(year_month_day(zone.date_at(start - 1s)), each.date) << each.zone;
  }
}

TEST(TimeZone, IsFoundByItsNameOnly) {
  EXPECT_TRUE(zone_named("UTC").is_utc());
  EXPECT_EQ(zone_named("Europe/Berlin").name(), "Europe/Berlin");
  EXPECT_EQ(zone_named("Europe/Berlin"), zone_named("Europe/Berlin"));
  EXPECT_FALSE(zone_named("Etc/GMT+5").is_utc());
  for (const std::string_view name :
       {"", "Nowhere", "Europe", "Europe/", "/Europe/Berlin", "Europe//Berlin", "../../../etc/passwd",
        "/etc/localtime", "right/Europe/Berlin", "posixrules", "zone.tab", "Fixed/UTC+01:00:00", "+01:00",
        "tzdata.zi"}) {
    const auto zone = TimeZone::find(name);
    ASSERT_FALSE(zone) << name;
    EXPECT_EQ(zone.error().kind, ErrorKind::invalid);
    EXPECT_TRUE(zone.error().text.starts_with("tz is '" + std::string(name) + "'; expected UTC or "));
  }
  const auto cut = TimeZone::find(std::string(1000, 'x'));
  ASSERT_FALSE(cut);
  EXPECT_LT(cut.error().text.size(), 200u);
}

// The data of other zones stay missing: a zone that was found is remembered.
TEST(TimeZone, SaysThatTheDataAreMissing) {
  ASSERT_EQ(setenv("TZDIR", "/nonexistent", 1), 0);
  const auto zone = TimeZone::find("Europe/Vaduz");
  ASSERT_EQ(unsetenv("TZDIR"), 0);
  ASSERT_FALSE(zone);
  EXPECT_EQ(zone.error().kind, ErrorKind::internal);
  EXPECT_EQ(zone.error().code, "tzdata_missing");
  EXPECT_TRUE(zone.error().text.contains("/nonexistent: install the package tzdata")) << zone.error().text;
}

}  // namespace
}  // namespace weir::report
