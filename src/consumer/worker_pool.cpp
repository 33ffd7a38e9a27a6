#include "consumer/worker_pool.hpp"

#include <algorithm>

namespace weir::consumer {

WorkerPool::WorkerPool(std::size_t workers) {
  for (std::size_t worker = 1; worker < workers; ++worker)
    threads_.emplace_back([this, worker] { work(worker); });
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    leaving_ = true;
  }
  begun_.notify_all();
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
    next_ = 0;
  }
  for (std::size_t i = 0; i < wanted; ++i) begun_.notify_one();
  take_tasks(0);
  std::unique_lock lock(mutex_);
  wanted_ = 0;  // who has not woken by now has nothing to do
  ended_.wait(lock, [this] { return at_work_ == 0; });
}

void WorkerPool::work(std::size_t worker) {
  std::unique_lock lock(mutex_);
  for (;;) {
    begun_.wait(lock, [this] { return wanted_ > 0 || leaving_; });
    if (leaving_) return;
    --wanted_;
    ++at_work_;
    lock.unlock();
    take_tasks(worker);
    lock.lock();
    if (--at_work_ == 0) ended_.notify_one();
  }
}

void WorkerPool::take_tasks(std::size_t worker) {
  for (std::size_t at = next_++; at < tasks_; at = next_++) (*task_)(worker, at);
}

}  // namespace weir::consumer
