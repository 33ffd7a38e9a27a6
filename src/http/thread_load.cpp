#include "http/thread_load.hpp"

#include <ctime>
#include <fstream>

namespace weir::http {

using std::chrono::nanoseconds;

namespace {

constexpr double saturated_share = 0.9;
constexpr double waiting_share_max = 0.05;

}  // namespace

ThreadTimes read_thread_times() {
  timespec cpu{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
  ThreadTimes times{.running = std::chrono::seconds(cpu.tv_sec) + nanoseconds(cpu.tv_nsec)};
  std::ifstream file("/proc/thread-self/schedstat");
  nanoseconds::rep running = 0;
  nanoseconds::rep waiting = 0;
  if (file >> running >> waiting) times.waiting = nanoseconds(waiting);
  return times;
}

bool ThreadLoad::observe(const ThreadTimes& times, MonoTime now) {
  const ThreadTimes before = std::exchange(last_times_, times);
  const MonoTime since = std::exchange(last_, now);
  if (since >= now) return false;
  const std::chrono::duration<double> elapsed = now - since;
  const std::chrono::duration<double> running = times.running - before.running;
  const std::chrono::duration<double> waiting = times.waiting - before.waiting;
  const bool saturated = running + waiting >= saturated_share * elapsed;
  const bool core_is_free = waiting <= waiting_share_max * elapsed;
  intervals_saturated_ = saturated && core_is_free ? intervals_saturated_ + 1 : 0;
  return intervals_saturated_ >= intervals_needed;
}

}  // namespace weir::http
