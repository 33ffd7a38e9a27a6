// A wall clock for decisions that cannot be taken back: what is too old for its minute, and what is deleted.
//
// A clock that is ahead for a moment must not delete data, nor hide the present minutes. The monotonic clock
// tells a step from time that went by. The settled time follows the wall clock, except where that steps ahead
// by more than `lead_max`: then the settled time goes on as before until the wall clock has stayed ahead for
// `believed_after`. A step back is followed at once. (After a machine was suspended, the settled time is late
// for that long: minutes and deletions are then judged by an earlier time, which is harmless.)
#pragma once

#include <chrono>
#include <optional>

#include "base/clock.hpp"
#include "base/limits.hpp"

namespace weir {

// One thread. The first time that it is asked it believes the wall clock.
class SettledClock {
 public:
  static constexpr std::chrono::milliseconds lead_max = limits::clock_lead_max;
  static constexpr std::chrono::hours believed_after{1};

  struct Reading {
    WallTime settled;
    // How much more or less time went by on the wall clock than on the monotonic one since the last reading.
    std::chrono::milliseconds step{0};
  };

  // Call it at least once a second; then a step is seen when it happens.
  [[nodiscard]] Reading read(Now now) {
    const WallTime origin = origin_of(now);
    const std::chrono::milliseconds step = last_ ? origin - *last_ : std::chrono::milliseconds{0};
    last_ = origin;
    if (!settled_ || origin <= *settled_ + lead_max) {
      settled_ = origin;
      ahead_since_.reset();
    } else if (!ahead_since_) {
      ahead_since_ = now.mono;
    } else if (now.mono - *ahead_since_ >= believed_after) {
      settled_ = origin;
      ahead_since_.reset();
    }
    return {.settled = now.wall - (origin - *settled_), .step = step};
  }

 private:
  // What the wall clock showed, as it goes now, when the monotonic clock began.
  static WallTime origin_of(Now now) {
    return now.wall - std::chrono::floor<std::chrono::milliseconds>(now.mono.time_since_epoch());
  }

  std::optional<WallTime> last_;
  std::optional<WallTime> settled_;
  std::optional<MonoTime> ahead_since_;
};

}  // namespace weir
