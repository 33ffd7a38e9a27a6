// Hexadecimal digits, written and read. Pure functions; any thread may call them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

// Indexed by the value of a digit. RFC 3986, 2.1 recommends upper case for percent-encoding.
inline constexpr std::string_view hex_digits = "0123456789abcdef";
inline constexpr std::string_view hex_digits_upper = "0123456789ABCDEF";

// The value of a digit in either case, or -1 for any other byte.
[[nodiscard]] constexpr int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  const char lower = static_cast<char>(digit | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The number that `digits` make, or -1 if one of the bytes is no digit. At most 7 digits; none make 0.
[[nodiscard]] constexpr int hex_number(std::string_view digits) {
  int number = 0;
  for (const char digit : digits) {
    const int value = hex_value(digit);
    if (value < 0) return -1;
    number = number * 16 + value;
  }
  return number;
}

// Appends the two digits of a byte, the high one first.
inline void append_hex(std::string& out, unsigned char byte, std::string_view digits = hex_digits) {
  out += digits[byte >> 4];
  out += digits[byte & 15];
}

// Appends the 16 digits of a number, the highest one first, in lower case.
inline void append_hex(std::string& out, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) append_hex(out, static_cast<unsigned char>(number >> shift));
}

}  // namespace weir
