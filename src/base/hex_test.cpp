#include "base/hex.hpp"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Hex, ReadsDigitsInEitherCase) {
  EXPECT_EQ(hex_number("0"), 0);
  EXPECT_EQ(hex_number("00fF"), 255);
  EXPECT_EQ(hex_number("7FFFFFF"), 0x7FFFFFF);
  EXPECT_EQ(hex_number(""), 0);
}

TEST(Hex, RefusesEveryByteThatIsNoDigit) {
  int digits = 0;
  for (int byte = 0; byte < 256; ++byte) digits += hex_value(static_cast<char>(byte)) >= 0 ? 1 : 0;
  EXPECT_EQ(digits, 10 + 6 + 6);
  for (const char* text : {"g", "0x1", "-1", "+1", " 1", "1 "}) EXPECT_EQ(hex_number(text), -1) << text;
}

TEST(Hex, WritesAllDigitsInLowerCase) {
  std::string out;
  append_hex(out, static_cast<unsigned char>(0x0A));
  append_hex(out, std::uint64_t{0x0123456789ABCDEF});
  EXPECT_EQ(out, "0a0123456789abcdef");
}

}  // namespace
}  // namespace weir
