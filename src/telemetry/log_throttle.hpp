// One line an occurrence, however often it happens: the first of a kind is said at once, what follows is
// summed up.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/clock.hpp"

namespace weir::telemetry {

// Of one thread, or under its owner's lock. Time is handed in.
class LogThrottle {
 public:
  static constexpr std::chrono::seconds quiet{10};  // between two lines, at least

  // It has happened. If a line is to be written now: how often it happened since the last one, this
  // time included.
  [[nodiscard]] std::optional<std::uint64_t> happens(MonoTime now) {
    ++unsaid_;
    if (said_at_ && now - *said_at_ < quiet) return std::nullopt;
    said_at_ = now;
    return std::exchange(unsaid_, 0);
  }

  // It is over: what is still unsaid, for the line that says so. The next one is the first of its kind again.
  [[nodiscard]] std::uint64_t ends() {
    said_at_.reset();
    return std::exchange(unsaid_, 0);
  }

 private:
  std::optional<MonoTime> said_at_;
  std::uint64_t unsaid_ = 0;
};

}  // namespace weir::telemetry
