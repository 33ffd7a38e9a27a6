// Formats the Date header (RFC 9110 §5.6.7 and §6.6.1): "Sun, 06 Nov 1994 08:49:37 GMT".
#pragma once

#include <array>
#include <chrono>
#include <string_view>

#include "base/clock.hpp"

namespace weir::http {

// Caches the text of the current second, because every reply needs it. Not thread-safe: each io thread has
// its own.
class HttpDate {
 public:
  static constexpr std::size_t bytes = 29;

  // Returns the text for `now`, valid until the next call. Formats it only if the second has changed, in
  // either direction.
  [[nodiscard]] std::string_view text(WallTime now);

 private:
  void write(std::chrono::sys_seconds second);

  std::chrono::sys_seconds second_{std::chrono::seconds::min()};  // of text_
  std::array<char, bytes> text_{};
};

}  // namespace weir::http
