#include "report/interval.hpp"

#include <gtest/gtest.h>
#include <random>
#include <string>

#include "activity/rfc3339.hpp"

namespace weir::report {
namespace {

using namespace std::chrono;

TimeZone zone_named(std::string_view name) { return TimeZone::find(name).value(); }

WindowStart at(const std::string& text) {
  return floor<seconds>(activity::parse_date_time(text + "Z").value().second);
}

std::string texts_of(const IntervalStarts& starts) {
  std::string all;
  for (const WindowStart start : starts.starts) {
    const std::string text = activity::format_rfc3339(start);
    all += (all.empty() ? "" : " ") + text.substr(5, 8);  // month, day and hour
  }
  return all + (starts.rounded ? " rounded" : "");
}

TEST(Interval, BeginsWhereTheCalendarOfTheZoneSays) {
  struct Case {
    Interval interval;
    const char* zone;
    const char* from;
    const char* to;
    const char* starts;
  };
  const Case cases[] = {
      {Interval::day, "UTC", "2026-06-14T10:00:00", "2026-06-15T10:00:00", "06-14T00 06-15T00 06-16T00"},
      // 23 and 25 hours
      {Interval::day, "Europe/Berlin", "2026-03-28T23:00:00", "2026-03-29T22:00:00", "03-28T23 03-29T22"},
      {Interval::day, "Europe/Berlin", "2026-10-24T22:00:00", "2026-10-25T23:00:00", "10-24T22 10-25T23"},
      {Interval::day, "America/New_York", "2026-11-01T04:00:00", "2026-11-03T05:00:00",
       "11-01T04 11-02T05 11-03T05"},
      // Off the hour: to the nearest one, a half up.
      {Interval::day, "Asia/Kolkata", "2026-06-14T18:30:00", "2026-06-15T18:00:00",
       "06-13T19 06-14T19 06-15T19 rounded"},
      {Interval::day, "Asia/Kathmandu", "2026-06-14T18:00:00", "2026-06-15T18:00:00",
       "06-14T18 06-15T18 rounded"},
      {Interval::day, "Australia/Lord_Howe", "2026-04-04T13:00:00", "2026-04-06T14:00:00",
       "04-04T13 04-05T14 04-06T14 rounded"},
      {Interval::hour, "Asia/Kolkata", "2026-06-14T18:00:00", "2026-06-14T20:00:00",
       "06-14T18 06-14T19 06-14T20 rounded"},
      {Interval::hour, "Europe/Berlin", "2026-06-14T18:00:00", "2026-06-14T20:00:00",
       "06-14T18 06-14T19 06-14T20"},
      // 30 December does not exist.
      {Interval::day, "Pacific/Apia", "2011-12-29T00:00:00", "2012-01-01T00:00:00",
       "12-28T10 12-29T10 12-30T10 12-31T10 01-01T10"},
      // Monday to Sunday; the first week of 2026 begins in 2025.
      {Interval::week, "UTC", "2026-01-01T00:00:00", "2026-01-12T00:00:00", "12-29T00 01-05T00 01-12T00"},
      {Interval::week, "Europe/Berlin", "2026-03-22T23:00:00", "2026-03-30T00:00:00",
       "03-22T23 03-29T22 04-05T22"},
      {Interval::month, "UTC", "2026-01-31T23:00:00", "2026-03-01T00:00:00", "01-01T00 02-01T00 03-01T00"},
      {Interval::month, "America/New_York", "2026-02-28T12:00:00", "2026-04-01T04:00:00",
       "02-01T05 03-01T05 04-01T04"},
  };
  for (const Case& each : cases) {
    const UsedRange range{at(each.from), at(each.to)};
    EXPECT_EQ(texts_of(starts_in(range, each.interval, zone_named(each.zone))), each.starts)
        << each.zone << ' ' << each.from;
  }
}

// For any range: the starts ascend, cover the range exactly, and are about as many as count_in() says.
TEST(Interval, CoversEveryRange) {
  std::mt19937 random(7);
  for (const char* name :
       {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Kathmandu",
        "Pacific/Apia", "America/St_Johns", "Pacific/Chatham", "Africa/Monrovia", "Antarctica/Troll"}) {
    const TimeZone zone = zone_named(name);
    for (int round = 0; round < 300; ++round) {
      const WindowStart from = sys_days(1990y / 1 / 1) + minutes(random() % (60 * 24 * 365 * 50));
      const UsedRange range{from, from + minutes(1 + random() % (60 * 24 * 90))};
      for (const Interval interval : {Interval::day, Interval::week, Interval::month}) {
        const auto starts = starts_in(range, interval, zone).starts;
        ASSERT_GE(starts.size(), 2u);
        EXPECT_LE(starts.front(), range.from);
        EXPECT_GT(starts[1], range.from);
        EXPECT_GE(starts.back(), range.to);
        EXPECT_LT(starts[starts.size() - 2], range.to);
        EXPECT_TRUE(std::ranges::is_sorted(starts));
        EXPECT_EQ(std::ranges::adjacent_find(starts), starts.end()) << name;
        const auto expected = static_cast<std::int64_t>(count_in(range, interval, zone));
        EXPECT_LE(std::abs(expected - static_cast<std::int64_t>(starts.size() - 1)), 1) << name;
      }
    }
  }
}

TEST(Interval, HasTheNamesOfTheApi) {
  EXPECT_EQ(interval_named("week"), Interval::week);
  EXPECT_EQ(interval_named("year"), std::nullopt);
  EXPECT_EQ(name_of(interval_of(tally::Granularity::day)), "day");
}

}  // namespace
}  // namespace weir::report
