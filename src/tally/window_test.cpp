#include "tally/window.hpp"

#include <gtest/gtest.h>
#include <limits>

#include "tally/ledger.hpp"

namespace weir::tally {
namespace {

using namespace std::chrono_literals;

EventTime at(std::chrono::nanoseconds since_epoch) { return EventTime(since_epoch); }

TEST(Window, StartsAtALimitInUtc) {
  const auto day = std::chrono::sys_days(std::chrono::year{2015} / 5 / 19);
  const EventTime moment = day + 19h + 3min + 59s + 999'999'999ns;
  EXPECT_EQ(floor_to(Granularity::minute, moment), day + 19h + 3min);
  EXPECT_EQ(floor_to(Granularity::hour, moment), day + 19h);
  EXPECT_EQ(floor_to(Granularity::day, moment), day);
}

TEST(Window, ContainsItsStartAndNotItsEnd) {
  for (const Granularity granularity : all_granularities) {
    for (const auto moment :
         {0ns, 1ns, -1ns, std::chrono::nanoseconds(1'432'062'239'999'999'999), -86'400'000'000'000ns}) {
      const WindowStart start = floor_to(granularity, at(moment));
      const WindowStart end = window_end(granularity, start);
      EXPECT_LE(start, at(moment));
      EXPECT_GT(end, at(moment));
      EXPECT_EQ(floor_to(granularity, start), start);
      EXPECT_EQ(floor_to(granularity, end), end);
    }
  }
}

TEST(Window, OfACoarserGranularityContainsTheFinerOne) {
  const EventTime moment = at(1'432'062'239'999'999'999ns);
  const WindowStart minute = floor_to(Granularity::minute, moment);
  const WindowStart hour = floor_to(Granularity::hour, moment);
  EXPECT_EQ(floor_to(Granularity::hour, minute), hour);
  EXPECT_EQ(floor_to(Granularity::day, hour), floor_to(Granularity::day, moment));
}

TEST(Names, AreFoundByTheirText) {
  for (const Granularity granularity : all_granularities)
    EXPECT_EQ(granularity_named(name_of(granularity)), granularity);
  for (const Dimension dimension : all_dimensions) EXPECT_EQ(dimension_named(name_of(dimension)), dimension);
  EXPECT_EQ(name_of(Granularity::minute), "minute");
  EXPECT_EQ(name_of(Dimension::activity_type), "activity_type");
  EXPECT_EQ(granularity_named("week"), std::nullopt);
  EXPECT_EQ(dimension_named(""), std::nullopt);
}

TEST(WindowRow, IsEqualRegardlessOfUsersChanged) {
  WindowRow left;
  WindowRow right;
  right.users_changed = false;
  EXPECT_EQ(left, right);
  right.users = "x";
  EXPECT_NE(left, right);
}

TEST(Ledger, AddsUpIfEachOffsetHasAnOutcome) {
  LedgerRow row{.start_offset = 10, .next_offset = 20};
  EXPECT_FALSE(row.adds_up());
  row.read = 8;
  row.skipped = 2;
  EXPECT_FALSE(row.adds_up());
  row.tallied = 5;
  row.duplicate = 2;
  row.dead_lettered = 1;
  EXPECT_TRUE(row.adds_up());
  row.skipped = 3;
  EXPECT_FALSE(row.adds_up());
  EXPECT_TRUE(LedgerRow{}.adds_up());
}

}  // namespace
}  // namespace weir::tally
