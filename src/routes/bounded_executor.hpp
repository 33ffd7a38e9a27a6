// The threads on which questions to the store are answered, because io threads must not wait for it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace weir::routes {

class BoundedExecutor {
 public:
  enum class Turn : std::uint8_t {
    come,      // on a thread of the pool: do it now
    full,      // too many wait already, and it will not be done
    stopping,  // the process is about to leave, and it will not be done
    gone,      // its client has closed the connection, and it will not be done
  };
  // Called exactly once: on a thread of the pool, or, where it will not be done, on that of offer() or
  // stop().
  using Job = std::move_only_function<void(Turn)>;

  // At most `waiting_max` jobs wait for one of `threads` threads.
  BoundedExecutor(std::size_t threads, std::size_t waiting_max);
  BoundedExecutor(const BoundedExecutor&) = delete;
  BoundedExecutor& operator=(const BoundedExecutor&) = delete;
  // Stops, then waits for the jobs that run.
  ~BoundedExecutor();

  // From any thread, never blocks on a job. When the queue is full, jobs whose client is gone make room.
  void offer(Job job, std::stop_token client_gone = {});

  // Ends the jobs that wait, and each that is offered from now on, with Turn::stopping. Jobs that run go on
  // to their deadline. From any thread.
  void stop();

 private:
  void work();

  struct Waiting {
    Job job;
    std::stop_token client_gone;
  };
  // Takes the jobs out whose client is gone. Under the mutex.
  [[nodiscard]] std::vector<Job> take_gone();

  const std::size_t waiting_max_;
  std::mutex mutex_;  // guards the next three
  std::condition_variable changed_;
  std::deque<Waiting> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;  // last: they use the members above
};

}  // namespace weir::routes
