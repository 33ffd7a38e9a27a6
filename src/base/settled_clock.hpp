// A wall clock for decisions that cannot be undone: whether an event is too old for its minute, and which
// rows are deleted.
//
// A clock that is ahead for a moment must not delete data or hide the present minutes. The monotonic clock
// tells a step of the wall clock from time that has passed. The settled time follows the wall clock, with one
// exception. If the wall clock steps ahead by more than `lead_max`, the settled time continues as before
// until the wall clock has stayed ahead for `accepted_after`. It follows a step back at once.
//
// After a machine was suspended, the settled time is late for `accepted_after`. An earlier time is harmless:
// rows are deleted later.
#pragma once

#include <chrono>
#include <optional>

#include "base/clock.hpp"
#include "base/limits.hpp"

namespace weir {

// One thread. The first read() accepts the wall clock as it is.
class SettledClock {
 public:
  static constexpr std::chrono::milliseconds lead_max = limits::clock_lead_max;
  static constexpr std::chrono::hours accepted_after{1};

  struct Reading {
    WallTime settled;
    // By how much the wall clock advanced more (or less) than the monotonic clock since the last reading.
    std::chrono::milliseconds step{0};
  };

  // Call it at least once a second, so that a step is seen when it happens.
  [[nodiscard]] Reading read(Now now) {
    const WallTime origin = origin_of(now);
    const std::chrono::milliseconds step = last_ ? origin - *last_ : std::chrono::milliseconds{0};
    last_ = origin;
    if (!settled_ || origin <= *settled_ + lead_max) {
      settled_ = origin;
      ahead_since_.reset();
    } else if (!ahead_since_) {
      ahead_since_ = now.mono;
    } else if (now.mono - *ahead_since_ >= accepted_after) {
      settled_ = origin;
      ahead_since_.reset();
    }
    return {.settled = now.wall - (origin - *settled_), .step = step};
  }

 private:
  // Returns the wall clock's time at the start of the monotonic clock. It changes only when one of them
  // steps.
  static WallTime origin_of(Now now) {
    return now.wall - std::chrono::floor<std::chrono::milliseconds>(now.mono.time_since_epoch());
  }

  // Origins: of the last reading, and of the settled time.
  std::optional<WallTime> last_;
  std::optional<WallTime> settled_;
  std::optional<MonoTime> ahead_since_;
};

}  // namespace weir
