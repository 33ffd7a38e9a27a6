// Puts a LogFormat together, part by part, for the compilers of the notations.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "formats/log_format.hpp"

namespace weir::formats {

inline constexpr std::size_t format_bytes_max = 8192;

class FormatBuilder {
 public:
  // `escaped`: the server escapes quotes and backslashes of the values.
  explicit FormatBuilder(bool escaped = true);

  void literal(std::string_view text);
  // A field that the format already has is matched and dropped, so is a second time: the first one counts.
  void field(Field field, Shape shape, bool may_be_empty = false);
  // A pattern of strftime(3) in the C locale. Error format_invalid for a conversion that cannot be read back.
  [[nodiscard]] Result<void> strftime(std::string_view pattern);

  // Error format_invalid: no client, no time or a time without its zone; two fields next to each other
  // between which no line can be cut.
  [[nodiscard]] Result<LogFormat> finish(std::string name);

 private:
  Result<void> conversion(char letter);
  void zone_of_literal();
  void widen_quoted();
  Result<void> check_client_and_time();
  Result<void> check_neighbours() const;
  [[nodiscard]] bool has(Field field) const { return has_[static_cast<std::size_t>(field)]; }

  LogFormat format_;
  bool after_target_ = false;  // the last part is a target, or was one
  std::array<bool, static_cast<std::size_t>(Field::count_of)> has_{};
};

[[nodiscard]] std::unexpected<Error> format_invalid(std::string text);

}  // namespace weir::formats
