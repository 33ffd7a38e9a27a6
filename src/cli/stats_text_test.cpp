#include "cli/stats_text.hpp"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

TEST(StatsText, FitsToColumns) {
  EXPECT_EQ(fitted("ab", 4), "ab  ");
  EXPECT_EQ(fitted("abcd", 4), "abcd");
  EXPECT_EQ(fitted("abcde", 4), "abc…");
  EXPECT_EQ(fitted("äöüß€", 4), "äöü…");
  EXPECT_EQ(fitted("ab", 0), "");
}

TEST(StatsText, DrawsBarsInEighthsOfALine) {
  const std::vector<PlotPoint> points{{"2015-05-17T10:00:00Z", 64},
                                      {"2015-05-17T11:00:00Z", 1},
                                      {"2015-05-17T12:00:00Z", 0},
                                      {"2015-05-17T13:00:00Z", 12}};
  EXPECT_EQ(draw_plot("events by hour", points, 10 + 6),
            "events by hour\n"
            "64 ┤████\n"
            "   │████\n"
            "   │████\n"
            "   │████\n"
            "   │████\n"
            "   │████\n"
            "   │████           ▄▄▄▄\n"
            "   │████ ▁▁▁▁      ████\n"
            " 0 ┼────────────────────\n"
            "    2015-05-17 10:00\n");
}

TEST(StatsText, AddsUpAdjacentPointsIfColumnsAreFew) {
  std::vector<PlotPoint> points(300, {"2015-05-17T10:00:00Z", 1});
  const auto plot = draw_plot("events by minute", points, 40);
  EXPECT_TRUE(plot.starts_with("events by minute, 9 to a column\n9 ┤█")) << plot;
}

TEST(StatsText, DrawsNothingWithoutPointsAndNoBarForZero) {
  EXPECT_EQ(draw_plot("events", {}, 80), "");
  const std::vector<PlotPoint> zero{{"2015-05-17T10:00:00Z", 0}};
  EXPECT_TRUE(draw_plot("events", zero, 80).contains("0 ┼──────\n"));
}

TEST(StatsText, DrawsAList) {
  const std::vector<std::string_view> heads{"views", "users"};
  const std::vector<ListRow> rows{{"/", {1572, 3}}, {"/a\x1b/very/long/path", {1, 1}}, {"all others", {7}}};
  EXPECT_EQ(draw_list("page", heads, rows, 40),
            "page                   views       users\n"
            "/                      1,572           3\n"
            "/a\uFFFD/very/long/p…           1           1\n"
            "all others                 7\n");
}

TEST(StatsText, LeavesOutNumbersThatDoNotFit) {
  const std::vector<std::string_view> heads{"page views", "events", "users"};
  const std::vector<ListRow> rows{{"/a", {1, 2, 3}}};
  EXPECT_EQ(draw_list("page", heads, rows, 40),
            "page              page views      events\n"
            "/a                         1           2\n");
  EXPECT_TRUE(draw_list("page", heads, rows, 10).starts_with("page              page views\n"));
}

TEST(StatsText, WrapsAtSpaces) {
  EXPECT_EQ(wrapped("one two three", 7), "one two\nthree\n");
  EXPECT_EQ(wrapped("one äöü three", 7), "one äöü\nthree\n");
  EXPECT_EQ(wrapped("much-too-long a", 5), "much-too-long\na\n");
  EXPECT_EQ(wrapped("short", 80), "short\n");
}

}  // namespace
}  // namespace weir::cli
