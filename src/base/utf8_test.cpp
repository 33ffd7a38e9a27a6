#include "base/utf8.hpp"

#include <gtest/gtest.h>

namespace weir {
namespace {

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
