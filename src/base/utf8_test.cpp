#include "base/utf8.hpp"

#include <gtest/gtest.h>

namespace weir {
namespace {

using namespace std::string_view_literals;

std::string storable(std::string_view text) {
  std::string out;
  append_storable_utf8(out, text);
  return out;
}

TEST(Utf8, KnowsTheLengthOfASequenceAndThatThereIsNone) {
  EXPECT_EQ(utf8_sequence_length("a"), 1U);
  EXPECT_EQ(utf8_sequence_length("\u00e9x"), 2U);
  EXPECT_EQ(utf8_sequence_length("\u20ac"), 3U);
  EXPECT_EQ(utf8_sequence_length("\U0001F600"), 4U);
  for (const std::string_view wrong :
       {"\x80"sv, "\xC0\x80"sv, "\xC1\xBF"sv, "\xE0\x80\x80"sv, "\xED\xA0\x80"sv, "\xF0\x80\x80\x80"sv,
        "\xF4\x90\x80\x80"sv, "\xF5\x80\x80\x80"sv, "\xE2\x82"sv, "\xE2"sv, "\xFF"sv})
    EXPECT_EQ(utf8_sequence_length(wrong), 0U);
}

TEST(Utf8, CutsBetweenCharacters) {
  EXPECT_EQ(utf8_prefix("abc", 3), "abc");
  EXPECT_EQ(utf8_prefix("abc", 2), "ab");
  EXPECT_EQ(utf8_prefix("a\u20ac", 3), "a");
  EXPECT_EQ(utf8_prefix("a\u20ac", 4), "a\u20ac");
  EXPECT_EQ(utf8_prefix("\U0001F600x", 3), "");
  EXPECT_EQ(utf8_prefix("", 0), "");
}

TEST(Utf8, ReplacesWhatADatabaseDoesNotAccept) {
  EXPECT_EQ(storable("caf\u00e9 \u20ac \U0001F600"), "caf\u00e9 \u20ac \U0001F600");
  EXPECT_EQ(storable("a\0b"sv), "a\uFFFDb");
  EXPECT_EQ(storable("a\xED\xA0\x80z"), "a\uFFFDz") << "one for a lone surrogate";
  EXPECT_EQ(storable("\xE2\x82"), "\uFFFD") << "one for a sequence that is cut off";
  EXPECT_EQ(storable("\xE2\x82z"), "\uFFFDz");
  EXPECT_EQ(storable("\xC0\x80"), "\uFFFD\uFFFD");
  EXPECT_EQ(storable("\xF0\x9F\x98z\xFF"), "\uFFFDz\uFFFD");
  EXPECT_EQ(storable("\xED\xA0"), "\uFFFD\uFFFD");
}

}  // namespace
}  // namespace weir
