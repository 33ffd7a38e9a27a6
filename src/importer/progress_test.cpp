#include "importer/progress.hpp"

#include <gtest/gtest.h>
#include <sstream>

namespace weir::importer {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime start{1000s};

TEST(Words, GroupDigitsAndCount) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(1234567), "1,234,567");
  EXPECT_EQ(counted(1, "line"), "1 line");
  EXPECT_EQ(counted(0, "line"), "0 lines");
}

TEST(Words, CannotSteerATerminal) { EXPECT_EQ(printable("a\x1b[2J\n\xc3\xa4"), "a\\x1b[2J\\x0a\\xc3\\xa4"); }

TEST(Progress, DrawsABarWithRateAndTimeLeft) {
  std::ostringstream err;
  Progress progress(err, 100, "a.log");
  progress.begin({.lines = 1000, .raw_read = 0, .raw_bytes = 1000}, start);
  progress.show({.lines = 3000, .unreadable = 2, .raw_read = 250, .raw_bytes = 1000}, start + 1s);
  EXPECT_EQ(err.str(), "\ra.log  [#####...............] 25%  3,000 lines  2,000/s  0:03 left  2 unreadable");
}

TEST(Progress, DrawsNoBarWhereTheSizeIsNotKnown) {
  std::ostringstream err;
  Progress progress(err, 100, "standard input");
  progress.begin({}, start);
  progress.show({.lines = 500, .raw_read = 9}, start + 500ms);
  EXPECT_EQ(err.str(), "\rstandard input  500 lines  1,000/s");
}

TEST(Progress, RedrawsAtMostTenTimesASecondAndWipesWhatWasLonger) {
  std::ostringstream err;
  Progress progress(err, 100, "a");
  progress.begin({}, start);
  progress.show({.lines = 1}, start + 99ms);
  EXPECT_EQ(err.str(), "");
  progress.show({.lines = 1'000'000}, start + 100ms);
  const std::size_t longer = err.str().size();
  progress.show({.lines = 1'000'000}, start + 150ms);
  EXPECT_EQ(err.str().size(), longer);
  progress.show({.lines = 1'000'000}, start + 100s);
  EXPECT_TRUE(err.str().ends_with("/s    "));
}

TEST(Progress, ClearsTheBarAtItsEnd) {
  std::ostringstream err;
  Progress progress(err, 100, "a");
  progress.begin({}, start);
  progress.show({.lines = 1}, start + 1s);
  EXPECT_EQ(err.str(), "\ra  1 line  1/s");
  progress.end();
  EXPECT_EQ(err.str(), "\ra  1 line  1/s\r              \r");
  progress.end();
  EXPECT_TRUE(err.str().ends_with("1/s\r              \r"));
}

TEST(Progress, CutsTheBarToTheTerminal) {
  std::ostringstream err;
  Progress progress(err, 20, "a-file-with-a-long-name");
  progress.begin({}, start);
  progress.show({.lines = 1}, start + 1s);
  EXPECT_EQ(err.str(), "\ra-file-with-a-long-");
}

TEST(Progress, PrintsALineEveryFewSecondsElsewhere) {
  std::ostringstream err;
  {
    Progress progress(err, 0, "a.log");
    progress.begin({}, start);
    for (int at = 0; at <= 110; ++at)
      progress.show({.lines = static_cast<std::uint64_t>(at)}, start + at * 100ms);
  }
  EXPECT_EQ(err.str(), "a.log  50 lines  10/s\na.log  100 lines  10/s\n");
}

TEST(Progress, SaysALineAboveTheBarAndClearsItInTheEnd) {
  std::ostringstream err;
  {
    Progress progress(err, 100, "a");
    progress.begin({}, start);
    progress.show({.lines = 1}, start + 1s);
    progress.say("line 7 unreadable");
    progress.show({.lines = 2}, start + 2s);
  }
  EXPECT_EQ(err.str(),
            "\ra  1 line  1/s\r              \rline 7 unreadable\n\ra  2 lines  1/s\r               \r");
}

}  // namespace
}  // namespace weir::importer
