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

TEST(Utf8, ReadsBackEveryCodePointThatItWrites) {
  for (char32_t code_point = 0; code_point <= 0x10FFFF; ++code_point) {
    std::string bytes;
    append_utf8(bytes, code_point);
    const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    ASSERT_EQ(utf8_sequence_length(bytes), surrogate ? 0U : bytes.size()) << std::uint32_t{code_point};
    ASSERT_TRUE(utf8_code_point(bytes) == code_point);
    for (std::size_t at = 0; at < bytes.size(); ++at) ASSERT_EQ(is_utf8_continuation(bytes[at]), at > 0);
  }
}

TEST(Utf8, RefusesWhatIsNoSequence) {
  for (const std::string_view bytes :
       {"\x80", "\xBF", "\xC0\xAF", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x9F\xBF", "\xE2\x82", "\xED\xA0\x80",
        "\xF0\x8F\xBF\xBF", "\xF0\x9F\x98", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"})
    EXPECT_EQ(utf8_sequence_length(bytes), 0U);
}

}  // namespace
}  // namespace weir
