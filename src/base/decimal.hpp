// Decimal numbers as text, read and written. No locale. Pure functions; any thread may call them.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

[[nodiscard]] constexpr bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

// The number that `digits` make, or -1 if one of the bytes is no digit. At most 9 digits; none make 0.
[[nodiscard]] constexpr int digits_value(std::string_view digits) {
  int number = 0;
  for (const char digit : digits) {
    if (!is_digit(digit)) return -1;
    number = number * 10 + (digit - '0');
  }
  return number;
}

// The whole text as a number from `least` to `most`. Nothing for an empty text, a sign other than '-', white
// space, a point, or a number outside of the bounds or of the type.
template <std::integral Number>
[[nodiscard]] std::optional<Number> parse_decimal(std::string_view text, Number least, Number most) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number < least || number > most) return std::nullopt;
  return number;
}

// A fraction of a second.
struct Fraction {
  std::int64_t nanoseconds = 0;  // digits after the ninth are cut off
  std::size_t digits = 0;        // how many were read
};

// Reads the digits after the decimal point and removes them from the start of `text`.
[[nodiscard]] constexpr Fraction take_fraction(std::string_view& text) {
  Fraction fraction;
  while (fraction.digits < text.size() && is_digit(text[fraction.digits])) {
    if (fraction.digits < 9) fraction.nanoseconds = fraction.nanoseconds * 10 + (text[fraction.digits] - '0');
    ++fraction.digits;
  }
  for (std::size_t digit = fraction.digits; digit < 9; ++digit) fraction.nanoseconds *= 10;
  text.remove_prefix(fraction.digits);
  return fraction;
}

// Appends the last `width` digits of a number that is not negative, with zeros in front. Width: 1 to 20.
inline void append_padded(std::string& out, std::int64_t number, int width) {
  const std::size_t begin = out.size();
  out.resize(begin + static_cast<std::size_t>(width));
  for (std::size_t at = out.size(); at-- > begin; number /= 10)
    out[at] = static_cast<char>('0' + number % 10);
}

// The number with a comma between groups of three digits: 1234567 is "1,234,567".
[[nodiscard]] std::string grouped(std::int64_t number);

}  // namespace weir
