#include "http/http_date.hpp"

namespace weir::http {

namespace {

// Writes a number with leading zeros.
void put_digits(char* at, int digits, unsigned number) {
  for (int digit = digits - 1; digit >= 0; --digit) {
    at[digit] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
}

}  // namespace

std::string_view HttpDate::text(WallTime now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  if (second != second_) write(second);
  return {text_.data(), text_.size()};
}

void HttpDate::write(std::chrono::sys_seconds second) {
  // Each name has three characters, so an index times three finds it.
  constexpr std::string_view days = "SunMonTueWedThuFriSat";
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  second_ = second;
  const auto day = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(second - day);
  constexpr std::string_view pattern = "---, 00 --- 0000 00:00:00 GMT";
  static_assert(pattern.size() == bytes);
  pattern.copy(text_.data(), pattern.size());
  days.substr(3 * std::chrono::weekday(day).c_encoding(), 3).copy(text_.data(), 3);
  put_digits(text_.data() + 5, 2, static_cast<unsigned>(date.day()));
  months.substr(3 * (static_cast<unsigned>(date.month()) - 1), 3).copy(text_.data() + 8, 3);
  put_digits(text_.data() + 12, 4, static_cast<unsigned>(static_cast<int>(date.year())));
  put_digits(text_.data() + 17, 2, static_cast<unsigned>(time.hours().count()));
  put_digits(text_.data() + 20, 2, static_cast<unsigned>(time.minutes().count()));
  put_digits(text_.data() + 23, 2, static_cast<unsigned>(time.seconds().count()));
}

}  // namespace weir::http
