#include "base/percent.hpp"

#include <cstddef>

namespace weir {
namespace {

// Returns the value of a hexadecimal digit in either case, or -1 for any other character.
int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  const char lower = static_cast<char>(digit | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

// As in application/x-www-form-urlencoded (URL Standard, 5.1), a % without two digits stays, and + is a
// space.
void append_percent_decoded(std::string& out, std::string_view raw) {
  for (std::size_t at = 0; at < raw.size(); ++at) {
    if (raw[at] == '%' && at + 2 < raw.size()) {
      const int high = hex_digit(raw[at + 1]);
      const int low = hex_digit(raw[at + 2]);
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high * 16 + low);
        at += 2;
        continue;
      }
    }
    out += raw[at] == '+' ? ' ' : raw[at];
  }
}

}  // namespace weir
