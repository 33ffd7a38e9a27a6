// The threads on which questions to the store are answered, because io threads must not wait for it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace weir::http {

class ReportPool {
 public:
  using Job = std::move_only_function<void()>;

  // At most `waiting_max` jobs wait for one of `threads` threads.
  ReportPool(std::size_t threads, std::size_t waiting_max);
  ReportPool(const ReportPool&) = delete;
  ReportPool& operator=(const ReportPool&) = delete;
  // Does what waits, then returns: every request that was taken gets its reply.
  ~ReportPool();

  // From any thread, never blocks. False: too many wait already, and the job was dropped undone.
  [[nodiscard]] bool offer(Job job);

 private:
  void work();

  std::mutex mutex_;  // guards all below but the threads
  std::condition_variable changed_;
  std::deque<Job> waiting_;
  bool stopping_ = false;
  const std::size_t waiting_max_;
  std::vector<std::thread> threads_;  // last: they use the members above
};

}  // namespace weir::http
