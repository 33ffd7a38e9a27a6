#include "report/live.hpp"

#include <gtest/gtest.h>

#include "report/testing/counted_events.hpp"

namespace weir::report {
namespace {

using namespace std::chrono_literals;

constexpr WindowStart noon{std::chrono::sys_days(std::chrono::June / 15 / 2026) + 12h};

TEST(Live, ShowsTheLastMinutesAndTodayAndThePagesOfTwoHours) {
  FakeMetricsReader store;
  const std::vector<testing::Event> events{
      {.at = noon - 13h, .user = "yesterday"},
      {.at = noon - 10h, .user = "early", .page = "/old"},
      {.at = noon - 50min, .user = "ann", .page = "/a"},
      {.at = noon - 20min, .user = "ann", .page = "/a"},
      {.at = noon - 4min, .user = "ben", .page = "/b"},
      {.at = noon + 2min, .user = "cem", .page = "/a"},
      {.at = noon + 2min, .user = "cem", .type = "click", .page = "/a"},
  };
  testing::fill(store, events, 2);
  Report report(store, {"clicks", "weir"});
  const WindowStart today = std::chrono::floor<std::chrono::days>(noon);
  const WindowStart tomorrow_elsewhere = today + 10h;  // a day of another zone
  const WallTime now = noon + 2min + 30s;
  const auto answer = report.live({.now = now, .days = {today, tomorrow_elsewhere}});
  ASSERT_TRUE(answer) << answer.error().text;
  EXPECT_EQ(answer->visitors, 1) << "the range begins at 11:57";
  ASSERT_EQ(answer->minutes.points.size(), live_minutes);
  EXPECT_EQ(answer->minutes.points.back().time, noon + 2min);
  EXPECT_EQ(answer->minutes.points.back().numbers, (Numbers{2, 1, 1}));
  EXPECT_EQ(answer->minutes.points.front().time, noon - 27min);
  EXPECT_EQ(answer->todays.at(today).numbers, (Numbers{6, 5, 4}));
  EXPECT_EQ(answer->todays.at(tomorrow_elsewhere).numbers, (Numbers{5, 4, 3}));
  EXPECT_EQ(answer->pages.rows, (std::vector<TopRow>{{"/a", {4, 3, 2}}, {"/b", {1, 1, 1}}}));
  EXPECT_EQ(answer->pages.other_events, 0);
}

TEST(Live, WorksAtMidnight) {
  FakeMetricsReader store;
  Report report(store, {"clicks", "weir"});
  const WindowStart midnight = std::chrono::floor<std::chrono::days>(noon);
  const auto answer = report.live({.now = midnight, .days = {midnight}});
  ASSERT_TRUE(answer) << answer.error().text;
  EXPECT_EQ(answer->minutes.points.size(), live_minutes);
  EXPECT_EQ(answer->todays.at(midnight).numbers, Numbers{});
}

tally::LedgerRow row(std::int32_t partition, std::int64_t next, std::int64_t hash) {
  return {
      .partition = partition, .next_offset = next, .read = next, .tallied = next, .last_record_hash = hash};
}

TEST(LiveId, ChangesWithEachOffsetAndWithTheLogAndWithNothingElse) {
  const std::string id = live_id({row(0, 5, 1), row(1, 7, 2)});
  EXPECT_TRUE(id.starts_with("12-")) << id;
  auto observed = row(1, 7, 2);
  observed.version = 9;
  observed.observed.log_end_offset = 100;
  EXPECT_EQ(live_id({row(0, 5, 1), observed}), id);
  EXPECT_NE(live_id({row(0, 6, 1), row(1, 6, 2)}), id);
  EXPECT_NE(live_id({row(0, 5, 1), row(1, 7, 3)}), id) << "another log of the same length";
  EXPECT_NE(live_id({row(0, 5, 1), row(1, 7, 2), row(2, 0, 0)}), id);
}

}  // namespace
}  // namespace weir::report
