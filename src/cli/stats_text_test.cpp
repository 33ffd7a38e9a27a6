#include "cli/stats_text.hpp"

#include <gtest/gtest.h>
#include <limits>

namespace weir::cli {
namespace {

TEST(StatsText, GroupsDigits) {
  struct Case {
    std::int64_t number;
    std::string_view text;
  };
  const Case cases[] = {{0, "0"},
                        {999, "999"},
                        {1000, "1,000"},
                        {1234567, "1,234,567"},
                        {-999, "-999"},
                        {-1000, "-1,000"},
                        {std::numeric_limits<std::int64_t>::min(), "-9,223,372,036,854,775,808"}};
  for (const auto& [number, text] : cases) EXPECT_EQ(grouped(number), text);
}

TEST(StatsText, LetsNothingThroughThatSteersATerminal) {
  struct Case {
    std::string_view text;
    std::string_view printed;
  };
  const Case cases[] = {{"/straße/日本/🙂", "/straße/日本/🙂"},
                        {"\x1b[2J", "\uFFFD[2J"},
                        {"a\nb\rc\td", "a\uFFFDb\uFFFDc\uFFFDd"},
                        {std::string_view("a\0b", 3), "a\uFFFDb"},
                        {"\x7f", "\uFFFD"},
                        {"\xc2\x9b"
                         "31m",
                         "\uFFFD31m"},  // CSI as one character
                        {"\x9b"
                         "31m",
                         "\uFFFD31m"},  // and as a byte
                        {"\xe2\x80\xae"
                         "exe",
                         "\uFFFD"
                         "exe"},                                 // right-to-left override
                        {"\xc0\xaf", "\uFFFD\uFFFD"},            // overlong
                        {"\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD"},  // a surrogate
                        {"\xf4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
                        {"\xe2\x82", "\uFFFD\uFFFD"}};
  for (const auto& [text, printed] : cases) EXPECT_EQ(printable(text), printed);
  EXPECT_EQ(printable("a,b\r\n\x1b", true), "a,b\r\n\uFFFD");
}

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

TEST(StatsText, AddsNeighboursUpWhereColumnsAreFew) {
  std::vector<PlotPoint> points(300, {"2015-05-17T10:00:00Z", 1});
  const auto plot = draw_plot("events by minute", points, 40);
  EXPECT_TRUE(plot.starts_with("events by minute, 9 to a column\n9 ┤█")) << plot;
}

TEST(StatsText, DrawsNothingOfNoPointsAndAFlatLineOfZeros) {
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

}  // namespace
}  // namespace weir::cli
