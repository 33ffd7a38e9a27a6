#include "report/range.hpp"

#include <gtest/gtest.h>
#include <random>
#include <string>

namespace weir::report {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using tally::Granularity;

constexpr auto minute = Granularity::minute;
constexpr auto hour = Granularity::hour;
constexpr auto day = Granularity::day;

constexpr WindowStart june_1 = sys_days(std::chrono::June / 1 / 2026);

Horizons horizons(WallTime minutes = {}, WallTime hours = {}, WallTime days = {}) {
  return {{minutes, hours, days}};
}

TEST(Range, RoundsOutwardToWholeMinutes) {
  const auto used = round_outward({june_1 + 10h + 1ms, june_1 + 11h + 59s + 999ms}, horizons());
  EXPECT_EQ(used, (UsedRange{june_1 + 10h, june_1 + 11h + 1min, minute}));
  EXPECT_EQ(used.resolution(), std::nullopt);
}

TEST(Range, LeavesARangeOnWholeMinutesAsItIs) {
  EXPECT_EQ(round_outward({june_1, june_1 + 1min}, horizons()), (UsedRange{june_1, june_1 + 1min, minute}));
}

TEST(Range, IsNeverEmpty) {
  EXPECT_EQ(round_outward({june_1, june_1 + 1ms}, horizons()), (UsedRange{june_1, june_1 + 1min, minute}));
}

TEST(Range, BelowAHorizonComesWholeFromTheNextCoarserGranularity) {
  const AskedRange asked{june_1 + 10h + 30min, june_1 + 30h + 10min};
  struct Case {
    const char* claim;
    Horizons kept;
    UsedRange used;
  };
  const Case cases[] = {
      {"minutes from before", horizons(june_1), {june_1 + 10h + 30min, june_1 + 30h + 10min, minute}},
      {"minutes from its start",
       horizons(june_1 + 10h + 30min),
       {june_1 + 10h + 30min, june_1 + 30h + 10min, minute}},
      {"minutes too late by a millisecond",
       horizons(june_1 + 10h + 30min + 1ms),
       {june_1 + 10h, june_1 + 31h, hour}},
      {"minutes only behind its end", horizons(june_1 + 100h), {june_1 + 10h, june_1 + 31h, hour}},
      {"hours too late", horizons(june_1 + 11h, june_1 + 11h), {june_1, june_1 + 48h, day}},
      {"not even days", horizons(june_1 + 90h, june_1 + 90h, june_1 + 96h), {june_1, june_1 + 48h, day}},
  };
  for (const auto& [claim, kept, used] : cases) EXPECT_EQ(round_outward(asked, kept), used) << claim;
}

TEST(Range, NamesTheResolutionOnlyWhenItIsNotMinutes) {
  EXPECT_EQ((UsedRange{june_1, june_1 + 24h, hour}.resolution()), hour);
  EXPECT_EQ((UsedRange{june_1, june_1 + 24h, day}.resolution()), day);
}

TEST(Range, HoldsAtTheEndsOfTime) {
  const auto first = sys_days(std::chrono::January / 1 / 1990);
  const WallTime last = sys_days(std::chrono::year(9999) / 12 / 31) + 23h;
  const auto used = round_outward({first, last}, horizons(WallTime::max(), WallTime::max()));
  EXPECT_EQ(used.from, first);
  EXPECT_GT(used.to, std::chrono::floor<std::chrono::seconds>(last));
  EXPECT_EQ(range_before(used).to, WallTime(first));
}

TEST(Range, FloorsAndCeilsBeforeTheEpochToo) {
  const WindowStart before{-90s};
  EXPECT_EQ(floor_to(minute, before), WindowStart{-120s});
  EXPECT_EQ(ceil_to(minute, before), WindowStart{-60s});
  EXPECT_EQ(ceil_to(day, before), WindowStart{0s});
}

TEST(Range, IsCoveredByTheCoarsestWindowsThatFit) {
  struct Case {
    const char* claim;
    UsedRange range;
    Granularity coarsest;
    std::vector<WindowRun> runs;
  };
  const Case cases[] = {
      {"minutes alone",
       {june_1 + 5min, june_1 + 50min, minute},
       day,
       {{minute, june_1 + 5min, june_1 + 50min}}},
      {"one whole hour", {june_1 + 1h, june_1 + 2h, minute}, day, {{hour, june_1 + 1h, june_1 + 2h}}},
      {"minutes, hours, days, hours, minutes",
       {june_1 + 22h + 30min, june_1 + 73h + 1min, minute},
       day,
       {{minute, june_1 + 22h + 30min, june_1 + 23h},
        {hour, june_1 + 23h, june_1 + 24h},
        {day, june_1 + 24h, june_1 + 72h},
        {hour, june_1 + 72h, june_1 + 73h},
        {minute, june_1 + 73h, june_1 + 73h + 1min}}},
      {"none coarser than told",
       {june_1 + 30min, june_1 + 48h, minute},
       hour,
       {{minute, june_1 + 30min, june_1 + 1h}, {hour, june_1 + 1h, june_1 + 48h}}},
      {"nothing finer than is kept",
       {june_1 + 2h, june_1 + 26h, hour},
       day,
       {{hour, june_1 + 2h, june_1 + 26h}}},
      {"in windows of what is kept when told finer",
       {june_1, june_1 + 24h, hour},
       minute,
       {{hour, june_1, june_1 + 24h}}},
  };
  for (const auto& [claim, range, coarsest, runs] : cases)
    EXPECT_EQ(decompose(range, coarsest, horizons()), runs) << claim;
}

TEST(Range, IsCoveredByFinerWindowsWhereCoarserOnesArePruned) {
  const auto kept = horizons({}, june_1 + 12h, june_1 + 48h);
  const std::vector<WindowRun> runs{
      {minute, june_1, june_1 + 12h}, {hour, june_1 + 12h, june_1 + 48h}, {day, june_1 + 48h, june_1 + 72h}};
  EXPECT_EQ(decompose({june_1, june_1 + 72h, minute}, day, kept), runs);
}

TEST(Range, IsCoveredWithoutGapOrOverlapWhateverIsKept) {
  std::mt19937 random(20260601);
  const auto pick = [&](int from, int to) { return std::uniform_int_distribution(from, to)(random); };
  for (int round = 0; round < 2000; ++round) {
    const AskedRange asked{june_1 + pick(0, 9000) * 1min, june_1 + pick(9001, 20000) * 1min};
    const auto kept =
        horizons(june_1 + pick(0, 12000) * 1min, june_1 + pick(0, 200) * 1h, june_1 + pick(0, 9) * 24h);
    const auto range = round_outward(asked, kept);
    ASSERT_LE(range.from, asked.from);
    ASSERT_GE(range.to, asked.to);
    auto at = range.from;
    for (const auto& run : decompose(range, day, kept)) {
      ASSERT_EQ(run.from, at);
      ASSERT_LT(run.from, run.to);
      ASSERT_EQ(floor_to(run.granularity, run.from), run.from);
      ASSERT_EQ(floor_to(run.granularity, run.to), run.to);
      if (run.granularity != day) {
        ASSERT_GE(WallTime(run.from), kept.of(run.granularity));
      }
      at = run.to;
    }
    ASSERT_EQ(at, range.to);
  }
}

TEST(Range, CountsTheWindowsThatTouchIt) {
  EXPECT_EQ(windows_in({june_1 + 30min, june_1 + 90min, minute}, minute), 60u);
  EXPECT_EQ(windows_in({june_1 + 30min, june_1 + 90min, minute}, hour), 2u);
  EXPECT_EQ(windows_in({june_1 + 30min, june_1 + 90min, minute}, day), 1u);
}

// An EventTime cannot represent the time five centuries before 1700.
TEST(Range, BeforeIsOfEqualLengthHoweverLongTheRangeIs) {
  const WindowStart from = sys_days(std::chrono::year(1700) / 1 / 1);
  const WindowStart to = sys_days(std::chrono::year(2200) / 1 / 1);
  const auto before = range_before({from, to, day});
  EXPECT_EQ(before.to, WallTime(from));
  EXPECT_EQ(before.to - before.from, to - from);
  const WindowStart late = sys_days(std::chrono::year(9999) / 1 / 1);
  EXPECT_EQ(range_before({from, late, day}).from, WallTime(sys_days(std::chrono::year(0) / 1 / 1)));
}

TEST(Range, BeforeEndsWhereTheRangeBegins) {
  const auto before = range_before({june_1 + 10h, june_1 + 13h, minute});
  EXPECT_EQ(before.from, WallTime(june_1 + 7h));
  EXPECT_EQ(before.to, WallTime(june_1 + 10h));
}

}  // namespace
}  // namespace weir::report
