#include "base/printable.hpp"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Printable, ReplacesEverythingThatATerminalObeys) {
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
}

TEST(Printable, KeepsLineBreaksWhereTheTextHasLines) {
  EXPECT_EQ(printable("a,b\r\n\t\x1b", LineBreaks::kept), "a,b\r\n\t\uFFFD");
}

TEST(Printable, EscapesControlsOfJson) {
  EXPECT_EQ(with_escaped_controls("{\"a\":\"\x7f\xc2\x80\xc2\x9f\xc2\xa0é\"}\n", Controls::del_and_c1),
            "{\"a\":\"\\u007f\\u0080\\u009f\xc2\xa0é\"}\n");
  EXPECT_EQ(with_escaped_controls("a\x1b\n\x7f", Controls::all), "a\\u001b\\u000a\\u007f");
  EXPECT_EQ(with_escaped_controls("\xc2", Controls::all), "\xc2");
}

}  // namespace
}  // namespace weir
