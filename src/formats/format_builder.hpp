// Builds a LogFormat part by part. The compilers of the notations (nginx_format, apache_format) use it.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "formats/log_format.hpp"

namespace weir::formats {

// Longest format string that parse_log_format() accepts. Real ones have some hundred bytes.
inline constexpr std::size_t format_bytes_max = 8192;

// Call literal(), field() and strftime() in the order of the format, then finish() once. For one thread.
class FormatBuilder {
 public:
  // `escaped`: the server escapes quotes and backslashes of values.
  explicit FormatBuilder(bool escaped = true);

  // Text that a line has at this place. Adjacent literals are joined.
  void literal(std::string_view text);
  // The first of several equal fields counts. The further ones are matched and dropped.
  void field(Field field, Shape shape, bool may_be_empty = false);
  // A pattern of strftime(3) in the C locale. ErrorKind::invalid, format_invalid: a conversion that cannot be
  // read.
  [[nodiscard]] Result<void> strftime(std::string_view pattern);

  // ErrorKind::invalid, format_invalid: no client, no time, a time without zone, or two adjacent fields whose
  // boundary cannot be found.
  [[nodiscard]] Result<LogFormat> finish(std::string name);

 private:
  // One conversion of strftime(), such as %Y.
  Result<void> conversion(char letter);
  // The steps of finish(), in this order.
  void split_zone_from_literal();
  void widen_quoted();
  Result<void> check_client_and_time();
  Result<void> check_neighbours() const;
  [[nodiscard]] bool has(Field field) const { return has_[static_cast<std::size_t>(field)]; }

  LogFormat format_;
  bool after_target_ = false;  // the last part is a target, or a query that belongs to one
  std::array<bool, static_cast<std::size_t>(Field::count_of)> has_{};
};

// ErrorKind::invalid, format_invalid.
[[nodiscard]] std::unexpected<Error> format_invalid(std::string text);

}  // namespace weir::formats
