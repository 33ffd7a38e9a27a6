// Threads that share the work of one turn: fork, join, and the turn goes on as if one thread had done it.
// What they do may touch nothing in common, so the order in which they do it cannot be seen.
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

// A task of a turn: which one, and who does it (0 … workers − 1), so that each worker can have tools of its
// own.
using Task = std::function<void(std::size_t worker, std::size_t task)>;

// Who does the tasks of a turn. The default is the caller alone, one task after the other: deterministic.
struct ParallelFor {
  std::size_t count = 1;
  // Each of the tasks 0 … tasks − 1 once; returns when all are done.
  std::function<void(std::size_t tasks, const Task& task)> run = [](std::size_t tasks, const Task& task) {
    for (std::size_t at = 0; at < tasks; ++at) task(0, at);
  };
};

// count − 1 threads and the one that calls. The threads sleep between two runs; a run costs the caller about
// 2 µs for each thread that is woken, and a thread some 10 to 50 µs before it is there.
class WorkerPool {
 public:
  explicit WorkerPool(std::size_t workers);
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool();

  // The caller does its share as worker 0, then waits for those who are still at theirs. From one thread at a
  // time, and not from within a task. Whoever is free takes the next task: begin with the largest.
  void run(std::size_t tasks, const Task& task);

  // The crew outlives it.
  [[nodiscard]] ParallelFor workers();

 private:
  void work(std::size_t worker);
  void take_tasks(std::size_t worker);

  std::mutex mutex_;
  std::condition_variable begun_;
  std::condition_variable ended_;
  const Task* task_ = nullptr;  // guarded by mutex_ to be set; fixed while anybody is at work
  std::size_t tasks_ = 0;       // likewise
  std::size_t wanted_ = 0;      // threads that may still join this run
  std::size_t at_work_ = 0;     // threads that have joined it
  bool leaving_ = false;
  std::atomic<std::size_t> next_{0};  // the first task that nobody has taken
  std::vector<std::thread> threads_;
};

}  // namespace weir::consumer
