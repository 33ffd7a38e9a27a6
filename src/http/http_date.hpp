// The text of a Date header (RFC 9110 §6.6.1): "Sun, 06 Nov 1994 08:49:37 GMT".
#pragma once

#include <array>
#include <chrono>
#include <string_view>

#include "base/clock.hpp"

namespace weir::http {

// Writes a new text once a second at most. For one thread.
class HttpDate {
 public:
  static constexpr std::size_t bytes = 29;

  // Valid until the next call.
  [[nodiscard]] std::string_view text(WallTime now);

 private:
  void write(std::chrono::sys_seconds second);

  std::chrono::sys_seconds second_{std::chrono::seconds::min()};
  std::array<char, bytes> text_{};
};

}  // namespace weir::http
