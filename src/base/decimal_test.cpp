#include "base/decimal.hpp"

#include <gtest/gtest.h>
#include <limits>

namespace weir {
namespace {

TEST(Decimal, GroupsDigits) {
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

TEST(Decimal, ReadsAWholeTextWithinBounds) {
  EXPECT_EQ(parse_decimal("0", 0, 9), 0);
  EXPECT_EQ(parse_decimal("9", 0, 9), 9);
  EXPECT_EQ(parse_decimal("007", 0, 9), 7);
  EXPECT_EQ(parse_decimal("-5", -5, 5), -5);
  for (const char* text : {"", "10", "-1", "+1", " 1", "1 ", "1.0", "1e0", "0x1", "99999999999999999999"})
    EXPECT_EQ(parse_decimal(text, 0, 9), std::nullopt) << text;
}

TEST(Decimal, ReadsDigitsOnly) {
  EXPECT_EQ(digits_value("042"), 42);
  EXPECT_EQ(digits_value("999999999"), 999'999'999);
  for (const char* text : {"4 2", "-1", "+1", "a", "1.2"}) EXPECT_EQ(digits_value(text), -1) << text;
}

TEST(Decimal, TakesAFractionAsNanoseconds) {
  struct Case {
    std::string_view text;
    std::int64_t nanoseconds;
    std::size_t digits;
    std::string_view rest;
  };
  const Case cases[] = {{"", 0, 0, ""},
                        {"Z", 0, 0, "Z"},
                        {"5Z", 500'000'000, 1, "Z"},
                        {"000000001", 1, 9, ""},
                        {"1234567899999x", 123'456'789, 13, "x"}};
  for (const Case& one : cases) {
    std::string_view text = one.text;
    const Fraction fraction = take_fraction(text);
    EXPECT_EQ(fraction.nanoseconds, one.nanoseconds) << one.text;
    EXPECT_EQ(fraction.digits, one.digits) << one.text;
    EXPECT_EQ(text, one.rest) << one.text;
  }
}

TEST(Decimal, PadsWithZeros) {
  std::string out = "x";
  append_padded(out, 7, 3);
  append_padded(out, 2015, 4);
  append_padded(out, std::numeric_limits<std::int64_t>::max(), 20);
  EXPECT_EQ(out, "x007201509223372036854775807");
}

}  // namespace
}  // namespace weir
