// Decides when the server uses one more of its io threads (docs/adr/0017-io-threads-join-when-needed.md).
//
// The kernel's scheduler records for each thread how long it has run, and how long it was ready to run while
// other threads had the cores. A thread that does both nearly all the time is saturated. If it hardly waits,
// a core is free, and another thread would use it. If it waits long, all cores are busy, and another thread
// would only divide the same work into more and smaller parts.
#pragma once

#include <chrono>

#include "base/clock.hpp"

namespace weir::http {

// Since the thread started.
struct ThreadTimes {
  std::chrono::nanoseconds running{0};
  std::chrono::nanoseconds waiting{0};  // ready to run, but not running
};

// Returns the times of the calling thread: CLOCK_THREAD_CPUTIME_ID, and the second field of
// /proc/thread-self/schedstat (Linux, Documentation/scheduler/sched-stats.rst). Where the kernel does not
// count it, `waiting` is 0.
[[nodiscard]] ThreadTimes read_thread_times();

// The load of one io thread. Not thread-safe.
class ThreadLoad {
 public:
  // Called about twice a second. Returns true if another thread should help: this one was saturated, with a
  // core free for another one, in each of the last three intervals.
  [[nodiscard]] bool observe(const ThreadTimes& times, MonoTime now);
  // Begins again, because the thread has less to do from now on.
  void reset() { intervals_saturated_ = 0; }

 private:
  static constexpr int intervals_needed = 3;

  ThreadTimes last_times_;
  MonoTime last_ = MonoTime::max();  // max: not called yet
  int intervals_saturated_ = 0;
};

}  // namespace weir::http
