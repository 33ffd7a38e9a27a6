// Limits how often a repeated event is logged: the first occurrence at once, later ones as a sum.
//
//   if (const auto times = throttle.on_occurrence(now))
//     logger.warn("requests failed", {{"times", std::to_string(*times)}});
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/clock.hpp"

namespace weir::telemetry {

// One throttle belongs to one kind of event. It decides only when to log; the caller writes the line. Not
// thread-safe: use it on one thread, or under the owner's lock. Reads no clock.
class LogThrottle {
 public:
  static constexpr std::chrono::seconds min_interval{10};  // between two lines

  // Records one occurrence. Returns std::nullopt if no line is to be written now. Else returns the number of
  // occurrences since the last line, including this one.
  [[nodiscard]] std::optional<std::uint64_t> on_occurrence(MonoTime now) {
    ++unlogged_;
    if (logged_at_ && now - *logged_at_ < min_interval) return std::nullopt;
    logged_at_ = now;
    return std::exchange(unlogged_, 0);
  }

  // Records that the condition has ended. Returns the number of occurrences that no line has reported yet,
  // for the line that reports the end. The next occurrence is logged at once again.
  [[nodiscard]] std::uint64_t on_end() {
    logged_at_.reset();
    return std::exchange(unlogged_, 0);
  }

 private:
  std::optional<MonoTime> logged_at_;  // of the last line; absent before the first one and after on_end()
  std::uint64_t unlogged_ = 0;
};

}  // namespace weir::telemetry
