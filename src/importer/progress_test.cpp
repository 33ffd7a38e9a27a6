#include "importer/progress.hpp"

#include <gtest/gtest.h>
#include <sstream>

namespace weir::importer {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime start{1000s};

TEST(Counted, UsesThePluralExceptForOne) {
  EXPECT_EQ(counted(1, "line"), "1 line");
  EXPECT_EQ(counted(0, "line"), "0 lines");
  EXPECT_EQ(counted(2000, "line"), "2,000 lines");
}

TEST(Progress, DrawsABarWithRateAndTimeLeft) {
  std::ostringstream err;
  Progress progress(err, 100, "a.log");
  progress.start({.lines = 1000, .raw_bytes_read = 0, .raw_bytes_total = 1000}, start);
  progress.update({.lines = 3000, .unreadable = 2, .raw_bytes_read = 250, .raw_bytes_total = 1000},
                  start + 1s);
  EXPECT_EQ(err.str(), "\ra.log  [#####...............] 25%  3,000 lines  2,000/s  0:03 left  2 unreadable");
}

TEST(Progress, DrawsNoBarWithoutTheSizeOfTheInput) {
  std::ostringstream err;
  Progress progress(err, 100, "standard input");
  progress.start({}, start);
  progress.update({.lines = 500, .raw_bytes_read = 9}, start + 500ms);
  EXPECT_EQ(err.str(), "\rstandard input  500 lines  1,000/s");
}

TEST(Progress, RedrawsAtMostTenTimesASecondAndOverwritesALongerBar) {
  std::ostringstream err;
  Progress progress(err, 100, "a");
  progress.start({}, start);
  progress.update({.lines = 1}, start + 99ms);
  EXPECT_EQ(err.str(), "");
  progress.update({.lines = 1'000'000}, start + 100ms);
  const std::size_t longer = err.str().size();
  progress.update({.lines = 1'000'000}, start + 150ms);
  EXPECT_EQ(err.str().size(), longer);
  progress.update({.lines = 1'000'000}, start + 100s);
  EXPECT_TRUE(err.str().ends_with("/s    "));
}

TEST(Progress, ClearsTheBar) {
  std::ostringstream err;
  Progress progress(err, 100, "a");
  progress.start({}, start);
  progress.update({.lines = 1}, start + 1s);
  EXPECT_EQ(err.str(), "\ra  1 line  1/s");
  progress.clear();
  EXPECT_EQ(err.str(), "\ra  1 line  1/s\r              \r");
  progress.clear();
  EXPECT_TRUE(err.str().ends_with("1/s\r              \r"));
}

TEST(Progress, CutsTheBarToTheTerminal) {
  std::ostringstream err;
  Progress progress(err, 20, "a-file-with-a-long-name");
  progress.start({}, start);
  progress.update({.lines = 1}, start + 1s);
  EXPECT_EQ(err.str(), "\ra-file-with-a-long-");
}

TEST(Progress, CountsACharacterBeyondAsciiAsTwoColumns) {
  std::ostringstream err;
  Progress progress(err, 10, "\u65e5\u672c\u8a9e\u00e9\u00e9\x1b");
  progress.start({}, start);
  progress.update({.lines = 1}, start + 1s);
  EXPECT_EQ(err.str(), "\r\u65e5\u672c\u8a9e\u00e9");
  progress.clear();
  EXPECT_TRUE(err.str().ends_with("\r        \r"));
}

TEST(Progress, PrintsALineEveryFiveSecondsWithoutATerminal) {
  std::ostringstream err;
  {
    Progress progress(err, 0, "a.log");
    progress.start({}, start);
    for (int at = 0; at <= 110; ++at)
      progress.update({.lines = static_cast<std::uint64_t>(at)}, start + at * 100ms);
  }
  EXPECT_EQ(err.str(), "a.log  50 lines  10/s\na.log  100 lines  10/s\n");
}

TEST(Progress, PrintsALineAboveTheBarAndClearsItAtTheEnd) {
  std::ostringstream err;
  {
    Progress progress(err, 100, "a");
    progress.start({}, start);
    progress.update({.lines = 1}, start + 1s);
    progress.print_line("line 7 unreadable");
    progress.update({.lines = 2}, start + 2s);
  }
  EXPECT_EQ(err.str(),
            "\ra  1 line  1/s\r              \rline 7 unreadable\n\ra  2 lines  1/s\r               \r");
}

}  // namespace
}  // namespace weir::importer
