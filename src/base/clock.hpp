// Time, as values that are handed in. Only shells (app, and the threads that adapters own) read a clock.
//
// Three kinds of time, each a type of its own, so that they cannot be mixed:
//   EventTime   when the client says it happened; nanoseconds, for windows
//   RecordTime  when the log took it; milliseconds, as Kafka keeps it; for dedupe, lateness and retention
//   MonoTime    never jumps; for timers, pacing and deadlines
#pragma once

#include <chrono>

namespace weir {

using EventTime = std::chrono::sys_time<std::chrono::nanoseconds>;
using RecordTime = std::chrono::sys_time<std::chrono::milliseconds>;
using WallTime = RecordTime;  // the clock on the wall in the resolution that we write down
using MonoTime = std::chrono::steady_clock::time_point;

// The start of a window, always UTC and cut to its granularity.
using WindowStart = std::chrono::sys_seconds;

struct Now {
  WallTime wall;
  MonoTime mono;
};

// What the machine's clocks say. May be called from any thread.
[[nodiscard]] inline Now read_clock() {
  return {std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()),
          std::chrono::steady_clock::now()};
}

}  // namespace weir
