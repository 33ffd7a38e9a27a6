// A thread pool with a bounded queue, for queries to the metrics store. Io threads must not block, so they
// submit each query here and return.
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

// Thread-safe. Jobs start in the order of submission. Each waiting job holds what it captures; the executor
// itself uses less than 100 bytes for it.
class BoundedExecutor {
 public:
  // Why a job is called: to run, or to report that it does not run.
  enum class Call : std::uint8_t {
    run,          // on a thread of the pool
    queue_full,   // too many jobs wait
    stopping,     // stop() was called
    client_gone,  // the client has closed its connection
  };
  // Called exactly once: on a thread of the pool, or, if it does not run, possibly on the thread that called
  // submit() or stop().
  using Job = std::move_only_function<void(Call)>;

  // At most `waiting_max` jobs wait for one of `threads` threads.
  BoundedExecutor(std::size_t threads, std::size_t waiting_max);
  BoundedExecutor(const BoundedExecutor&) = delete;
  BoundedExecutor& operator=(const BoundedExecutor&) = delete;
  // Calls stop() and waits for the running jobs.
  ~BoundedExecutor();

  // Adds a job to the queue. Does not wait for any job. If the queue is full, waiting jobs whose client is
  // gone are removed first; if it is still full, the job is called with Call::queue_full before submit()
  // returns. A job whose `client_gone` has been requested to stop does not run.
  void submit(Job job, std::stop_token client_gone = {});

  // Calls all waiting jobs, and all jobs that are submitted later, with Call::stopping. Running jobs continue
  // to their own deadline.
  void stop();

 private:
  void work();

  struct WaitingJob {
    Job job;
    std::stop_token client_gone;
  };
  // Removes the jobs whose client is gone from the queue. Under the mutex.
  [[nodiscard]] std::vector<Job> remove_abandoned();

  const std::size_t waiting_max_;
  std::mutex mutex_;  // guards the next three
  std::condition_variable changed_;
  std::deque<WaitingJob> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;  // last: the threads use the members above
};

}  // namespace weir::routes
