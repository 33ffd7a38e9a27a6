// The types of time. Code receives times as parameters; only app and the threads of adapters read a clock.
//
// There are three kinds of time. Each has its own type or unit, so that the compiler rejects a mix-up:
//   EventTime   when the event happened, as the client states it; nanoseconds. Selects the window.
//   RecordTime  when the log stored the record; milliseconds, like Kafka's timestamps. For dedupe, lateness
//               and retention.
//   MonoTime    monotonic: a change of the machine's clock does not affect it. For timers and deadlines.
#pragma once

#include <chrono>

namespace weir {

using EventTime = std::chrono::sys_time<std::chrono::nanoseconds>;
using RecordTime = std::chrono::sys_time<std::chrono::milliseconds>;
using WallTime = RecordTime;  // the machine's clock, in the unit of record times
using MonoTime = std::chrono::steady_clock::time_point;

// The start of a window: UTC, a multiple of the window's granularity.
using WindowStart = std::chrono::sys_seconds;

// One reading of both clocks.
struct Now {
  WallTime wall;
  MonoTime mono;
};

// Reads the machine's clocks. Thread-safe. tests/tidy rejects calls in modules without I/O.
[[nodiscard]] inline Now read_clock() {
  return {std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()),
          std::chrono::steady_clock::now()};
}

}  // namespace weir
