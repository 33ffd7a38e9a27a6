#include "base/text.hpp"

#include <gtest/gtest.h>
#include <string>

namespace weir {
namespace {

TEST(Trimmed, HasNoneOfTheSpacesAtItsEnds) {
  EXPECT_EQ(trimmed(" \t a b\t ", header_spaces), "a b");
  EXPECT_EQ(trimmed("a", header_spaces), "a");
  EXPECT_EQ(trimmed("\r\n a\n", json_spaces), "a");
  EXPECT_EQ(trimmed("\na ", header_spaces), "\na");
  EXPECT_EQ(trimmed(" \t", header_spaces), "");
  EXPECT_EQ(trimmed("", header_spaces), "");
}

TEST(Split, KeepsEmptyEntries) {
  using Entries = std::vector<std::string_view>;
  EXPECT_EQ(split("a,b", ','), (Entries{"a", "b"}));
  EXPECT_EQ(split("a", ','), (Entries{"a"}));
  EXPECT_EQ(split(",a,,", ','), (Entries{"", "a", "", ""}));
  EXPECT_EQ(split("", ','), (Entries{""}));
}

TEST(IsVisibleAscii, RefusesControlsSpacesAndOtherBytes) {
  for (const std::string_view text : {"", "!", "~", "key-1:=/"}) EXPECT_TRUE(is_visible_ascii(text)) << text;
  for (const std::string_view text : {" ", "a b", "\t", "\x7f", "\xc3\xa9", "\x80"})
    EXPECT_FALSE(is_visible_ascii(text)) << text;
  EXPECT_FALSE(is_visible_ascii(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace weir
