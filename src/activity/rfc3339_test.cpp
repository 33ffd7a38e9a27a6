#include "activity/rfc3339.hpp"

#include <gtest/gtest.h>

namespace weir::activity {
namespace {

using namespace std::chrono_literals;

constexpr EventTime at_second(std::int64_t unix_second) {
  return EventTime{std::chrono::seconds{unix_second}};
}

TEST(Rfc3339, ReadsDateTimes) {
  struct Case {
    std::string_view text;
    EventTime time;
  };
  const std::array cases{
      Case{"2015-05-19T19:00:00Z", at_second(1432062000)},
      Case{"2015-05-19t19:00:00z", at_second(1432062000)},
      Case{"2015-05-19 19:00:00Z", at_second(1432062000)},
      Case{"2015-05-19 21:00:00.5+02:00", at_second(1432062000) + 500ms},
      // Second 60 is the second after 59: of a leap second and of every other minute.
      Case{"2016-12-31T23:59:60Z", at_second(1483228800)},
      Case{"2016-12-31T23:59:60.25Z", at_second(1483228800) + 250ms},
      Case{"2017-01-01T05:29:60+05:30", at_second(1483228800)},
      Case{"2015-05-19T18:59:60Z", at_second(1432062000)},
      Case{"1677-12-31T23:59:60Z", at_second(-9214560000)},
      Case{"2015-05-19T21:00:00+02:00", at_second(1432062000)},
      Case{"2015-05-19T13:30:00-05:30", at_second(1432062000)},
      Case{"2015-05-19T19:00:00-00:00", at_second(1432062000)},
      Case{"2015-05-20T18:59:00+23:59", at_second(1432062000)},
      Case{"2015-05-18T19:01:00-23:59", at_second(1432062000)},
      Case{"2015-05-19T19:00:00.1Z", at_second(1432062000) + 100ms},
      Case{"2015-05-19T19:00:00.123456Z", at_second(1432062000) + 123456us},
      Case{"2015-05-19T19:00:00.123456789Z", at_second(1432062000) + 123456789ns},
      Case{"2015-05-19T19:00:00.000000001+02:00", at_second(1432054800) + 1ns},
      Case{"2016-02-29T23:59:59Z", at_second(1456790399)},
      Case{"2000-02-29T00:00:00Z", at_second(951782400)},
      Case{"1970-01-01T00:00:00Z", at_second(0)},
      Case{"1969-12-31T23:59:59Z", at_second(-1)},
      Case{"1678-01-01T00:00:00Z", at_second(-9214560000)},
      Case{"1677-12-31T23:00:00-01:00", at_second(-9214560000)},
      Case{"1990-01-01T00:00:00Z", at_second(631152000)},
      Case{"1990-01-01T00:00:00+14:00", at_second(631101600)},
      Case{"2261-12-31T23:59:59.999999999Z", at_second(9214646399) + 999999999ns},
  };
  for (const Case& each : cases) {
    const auto read = parse_rfc3339(each.text);
    ASSERT_TRUE(read) << each.text << ": " << read.error().text;
    EXPECT_EQ(read->time_since_epoch().count(), each.time.time_since_epoch().count()) << each.text;
  }
}

TEST(Rfc3339, RefusesOtherTextsWithTheReason) {
  struct Case {
    std::string_view text;
    std::string_view why;
  };
  const std::array cases{
      Case{"", "not a date-time"},
      Case{"2015", "not a date-time"},
      Case{"2015-05-19", "not a date-time"},
      Case{"now and then, I presume", "not a date-time"},
      Case{"2015-05-19_19:00:00Z", "not a date-time"},
      Case{"2015-05-19\t19:00:00Z", "not a date-time"},
      Case{"2015-05-19  19:00:00Z", "not a date-time"},
      Case{"2015/05/19T19:00:00Z", "not a date-time"},
      Case{"2015-05-19T19.00.00Z", "not a date-time"},
      Case{"20150519T190000Z", "not a date-time"},
      Case{"+015-05-19T19:00:00Z", "not a date-time"},
      Case{"-015-05-19T19:00:00Z", "not a date-time"},
      Case{"2015-+5-19T19:00:00Z", "not a date-time"},
      Case{"2015-05-19T 9:00:00Z", "not a date-time"},
      Case{" 2015-05-19T19:00:00Z", "not a date-time"},
      Case{"2015-05-19T19:00Z           ", "not a date-time"},
      Case{"2015-05-19T19:00:00", "no offset"},
      Case{"2015-05-19T19:00:00.5", "no offset"},
      Case{"2015-05-19T19:00:00 ", "the offset must be"},
      Case{"2015-05-19T19:00:00Z ", "the offset must be"},
      Case{"2015-05-19T19:00:00ZZ", "the offset must be"},
      Case{"2015-05-19T19:00:00+24:00", "the offset must be"},
      Case{"2015-05-19T19:00:00-24:00", "the offset must be"},
      Case{"2015-05-19T19:00:00+02:60", "the offset must be"},
      Case{"2015-05-19T19:00:00+0200", "the offset must be"},
      Case{"2015-05-19T19:00:00+02", "the offset must be"},
      Case{"2015-05-19T19:00:00+2:00", "the offset must be"},
      Case{"2015-05-19T19:00:00+02:00:00", "the offset must be"},
      Case{"2015-05-19T19:00:00+02:0x", "the offset must be"},
      Case{"2015-05-19T19:00:00 02:00", "the offset must be"},
      Case{"2015-05-19T19:00:00CET", "the offset must be"},
      Case{"2015-05-19T19:00:00,5Z", "the offset must be"},
      Case{"2015-05-19T19:00:00.Z", "1 to 9 digits"},
      Case{"2015-05-19T19:00:00.1234567890Z", "1 to 9 digits"},
      Case{"2015-05-19T19:00:00.1234567890123456789Z", "1 to 9 digits"},
      Case{"2023-02-29T00:00:00Z", "no such day"},
      Case{"1900-02-29T00:00:00Z", "no such day"},
      Case{"2100-02-29T00:00:00Z", "no such day"},
      Case{"2015-04-31T00:00:00Z", "no such day"},
      Case{"2015-13-01T00:00:00Z", "no such day"},
      Case{"2015-00-01T00:00:00Z", "no such day"},
      Case{"2015-01-00T00:00:00Z", "no such day"},
      Case{"2015-01-32T00:00:00Z", "no such day"},
      Case{"2015-05-19T19:00:61Z", "no such time of day"},
      Case{"2015-05-19T24:00:00Z", "no such time of day"},
      Case{"2015-05-19T19:60:00Z", "no such time of day"},
      Case{"0000-01-01T00:00:00Z", "the year is before 1678 in UTC: expected a year from"},
      Case{"1677-12-31T23:59:59Z", "before 1678"},
      Case{"1678-01-01T00:00:00+00:01", "before 1678"},
      Case{"2262-01-01T00:00:00Z", "after 2261"},
      Case{"2261-12-31T23:59:60Z", "after 2261"},
      Case{"2261-12-31T23:59:59-00:01", "after 2261"},
      Case{"9999-12-31T23:59:59.999999999-23:59", "the year is after 2261 in UTC: expected a year from"},
      Case{"2015-05-19T19:00:00\xC3\xA9", "the offset must be"},
      Case{std::string_view("2015-05-19T19:00:00\0Z", 21), "the offset must be"},
  };
  for (const Case& each : cases) {
    const auto read = parse_rfc3339(each.text);
    ASSERT_FALSE(read) << each.text;
    EXPECT_EQ(read.error().kind, ErrorKind::invalid);
    EXPECT_EQ(read.error().code, "time_invalid");
    EXPECT_NE(read.error().text.find(each.why), std::string::npos) << each.text << " → " << read.error().text;
  }
}

TEST(Rfc3339, ReadsEveryYearOfFourDigits) {
  struct Case {
    std::string_view text;
    std::int64_t second;
    std::int64_t nanoseconds;
  };
  for (const auto& [text, second, nanoseconds] :
       {Case{"0000-01-01T00:00:00Z", -62167219200, 0}, Case{"0001-01-01T00:00:00+01:00", -62135600400, 0},
        Case{"2015-05-19T19:00:00.5Z", 1432062000, 500'000'000},
        Case{"9999-12-31T23:59:59Z", 253402300799, 0}, Case{"9999-12-31T23:59:60Z", 253402300800, 0}}) {
    const auto read = parse_date_time(text);
    ASSERT_TRUE(read) << text << ": " << read.error().text;
    EXPECT_EQ(read->second.time_since_epoch().count(), second) << text;
    EXPECT_EQ(read->fraction.count(), nanoseconds) << text;
  }
  EXPECT_FALSE(parse_date_time("0000-13-01T00:00:00Z"));
}

TEST(Rfc3339, ShortensALongTextInAnError) {
  const auto read = parse_rfc3339(std::string(100'000, 'x'));
  ASSERT_FALSE(read);
  EXPECT_LT(read.error().text.size(), 300u);
}

TEST(Rfc3339, WritesWindowsInSecondsAndTheClockInMilliseconds) {
  EXPECT_EQ(format_rfc3339(WindowStart{1432062000s}), "2015-05-19T19:00:00Z");
  EXPECT_EQ(format_rfc3339(WindowStart{0s}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339(WindowStart{-1s}), "1969-12-31T23:59:59Z");
  EXPECT_EQ(format_rfc3339(WallTime{1432062000007ms}), "2015-05-19T19:00:00.007Z");
  EXPECT_EQ(format_rfc3339(WallTime{-1ms}), "1969-12-31T23:59:59.999Z");
}

TEST(Rfc3339, WritesAnEventTimeWithAsManyDigitsAsNeeded) {
  EXPECT_EQ(format_rfc3339(at_second(1432062000)), "2015-05-19T19:00:00Z");
  EXPECT_EQ(format_rfc3339(at_second(1432062000) + 120ms), "2015-05-19T19:00:00.120Z");
  EXPECT_EQ(format_rfc3339(at_second(1432062000) + 1us), "2015-05-19T19:00:00.000001Z");
  EXPECT_EQ(format_rfc3339(at_second(1432062000) + 1ns), "2015-05-19T19:00:00.000000001Z");
  EXPECT_EQ(format_rfc3339(EventTime::max()), "2262-04-11T23:47:16.854775807Z");
  EXPECT_EQ(format_rfc3339(EventTime::min()), "1677-09-21T00:12:43.145224192Z");
}

TEST(Rfc3339, WritesTheNearestTimeWithAYearOfFourDigits) {
  EXPECT_EQ(format_rfc3339(WindowStart::max()), "9999-12-31T23:59:59Z");
  EXPECT_EQ(format_rfc3339(WindowStart::min()), "0000-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339(WallTime::max()), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(format_rfc3339(WallTime::min()), "0000-01-01T00:00:00.000Z");
}

TEST(Rfc3339, ReadsBackWhatItWrites) {
  for (std::int64_t second = 631152000; second < 9214732739; second += 86'399'993) {
    const EventTime time = at_second(second) + std::chrono::nanoseconds{second % 1'000'000'000};
    EXPECT_EQ(parse_rfc3339(format_rfc3339(time)), time);
  }
}

}  // namespace
}  // namespace weir::activity
