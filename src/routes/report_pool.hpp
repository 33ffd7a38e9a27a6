// The threads on which questions to the store are answered, because io threads must not wait for it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace weir::routes {

class ReportPool {
 public:
  enum class Turn : std::uint8_t {
    come,  // on a thread of the pool: do it now
    full,  // on the caller's thread, before offer() returns: too many wait already, and it will not be done
  };
  // Called exactly once.
  using Job = std::move_only_function<void(Turn)>;

  // At most `waiting_max` jobs wait for one of `threads` threads.
  ReportPool(std::size_t threads, std::size_t waiting_max);
  ReportPool(const ReportPool&) = delete;
  ReportPool& operator=(const ReportPool&) = delete;
  // Does what waits, then returns: every request that was taken gets its reply.
  ~ReportPool();

  // From any thread, never blocks on a job.
  void offer(Job job);

 private:
  void work();

  const std::size_t waiting_max_;
  std::mutex mutex_;  // guards the next three
  std::condition_variable changed_;
  std::deque<Job> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;  // last: they use the members above
};

}  // namespace weir::routes
