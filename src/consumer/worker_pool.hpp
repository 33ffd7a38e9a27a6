// A fork-join thread pool. run() distributes tasks over the threads and returns when all are done.
//
// The consumer uses it to process the records of several partitions in parallel. Tasks share no data, so the
// order in which they run has no effect on the result.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace weir::consumer {

// Runs task number `task` on worker number `worker` (0 … workers − 1). The worker number lets each worker
// have buffers of its own.
using Task = std::function<void(std::size_t worker, std::size_t task)>;

// Runs the tasks of one call. The default runs them on the calling thread in order: deterministic.
struct ParallelFor {
  // The number of workers.
  std::size_t count = 1;
  // Runs each of the tasks 0 … tasks − 1 once; returns when all are done.
  std::function<void(std::size_t tasks, const Task& task)> run = [](std::size_t tasks, const Task& task) {
    for (std::size_t at = 0; at < tasks; ++at) task(0, at);
  };
};

// Threads sleep between two runs. A run costs the caller about 2 µs for each thread that it wakes; the thread
// starts 10 to 50 µs later.
class WorkerPool {
 public:
  // Starts workers − 1 threads: the thread that calls run() is worker 0.
  explicit WorkerPool(std::size_t workers);
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  // Joins the threads. No run() may be in progress.
  ~WorkerPool();

  // Runs each of the tasks 0 … tasks − 1 once; returns when all are done. The caller takes part. An idle
  // worker takes the next task, so put the largest tasks first. One caller at a time; not from within a task.
  void run(std::size_t tasks, const Task& task);

  // Returns an interface to this pool. The pool must outlive it.
  [[nodiscard]] ParallelFor workers();

 private:
  void run_worker(std::size_t worker);
  void run_tasks(std::size_t worker);

  std::mutex mutex_;
  std::condition_variable started_;
  std::condition_variable finished_;
  // Written under mutex_ by run(); constant while a worker is active.
  const Task* task_ = nullptr;
  std::size_t tasks_ = 0;
  // Guarded by mutex_.
  // Threads that may still join this run.
  std::size_t wanted_ = 0;
  // Threads that have joined it and are not done.
  std::size_t active_ = 0;
  bool stopping_ = false;
  // The first task that no worker has taken.
  std::atomic<std::size_t> next_task_{0};
  std::vector<std::thread> threads_;
};

}  // namespace weir::consumer
