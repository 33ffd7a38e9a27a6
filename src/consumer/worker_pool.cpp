// run() publishes the tasks under the mutex and wakes as many threads as it needs. Every worker, the caller
// included, takes task numbers from one atomic counter until none is left. run() then withdraws the
// request (wanted_ = 0) and waits for the threads that joined. A thread that wakes up late finds wanted_
// at 0 and sleeps again, so it cannot see a task of a finished run.
#include "consumer/worker_pool.hpp"

#include <algorithm>

namespace weir::consumer {

WorkerPool::WorkerPool(std::size_t workers) {
  for (std::size_t worker = 1; worker < workers; ++worker)
    threads_.emplace_back([this, worker] { run_worker(worker); });
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  started_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

ParallelFor WorkerPool::workers() {
  return {.count = threads_.size() + 1,
          .run = [this](std::size_t tasks, const Task& task) { run(tasks, task); }};
}

void WorkerPool::run(std::size_t tasks, const Task& task) {
  const std::size_t wanted = tasks == 0 ? 0 : std::min(threads_.size(), tasks - 1);
  {
    const std::lock_guard lock(mutex_);
    task_ = &task;
    tasks_ = tasks;
    wanted_ = wanted;
    next_task_ = 0;
  }
  for (std::size_t i = 0; i < wanted; ++i) started_.notify_one();
  run_tasks(0);
  std::unique_lock lock(mutex_);
  wanted_ = 0;  // all tasks are taken
  finished_.wait(lock, [this] { return active_ == 0; });
}

void WorkerPool::run_worker(std::size_t worker) {
  std::unique_lock lock(mutex_);
  for (;;) {
    started_.wait(lock, [this] { return wanted_ > 0 || stopping_; });
    if (stopping_) return;
    --wanted_;
    ++active_;
    lock.unlock();
    run_tasks(worker);
    lock.lock();
    if (--active_ == 0) finished_.notify_one();
  }
}

void WorkerPool::run_tasks(std::size_t worker) {
  for (std::size_t at = next_task_++; at < tasks_; at = next_task_++) (*task_)(worker, at);
}

}  // namespace weir::consumer
