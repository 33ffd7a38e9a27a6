#include "routes/bounded_executor.hpp"

#include <utility>

namespace weir::routes {

BoundedExecutor::BoundedExecutor(std::size_t threads, std::size_t waiting_max) : waiting_max_(waiting_max) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

BoundedExecutor::~BoundedExecutor() {
  stop();
  for (auto& thread : threads_) thread.join();
}

void BoundedExecutor::stop() {
  std::deque<Waiting> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(waiting_);
  }
  changed_.notify_all();
  for (Waiting& each : dropped) each.job(Turn::stopping);
}

void BoundedExecutor::offer(Job job, std::stop_token client_gone) {
  std::vector<Job> gone;
  Turn refused = Turn::full;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      refused = Turn::stopping;
    } else {
      if (waiting_.size() >= waiting_max_) gone = take_gone();
      if (waiting_.size() < waiting_max_) {
        waiting_.push_back({std::move(job), std::move(client_gone)});
        changed_.notify_one();
      }
    }
  }
  for (Job& each : gone) each(Turn::gone);
  if (job) job(refused);
}

std::vector<BoundedExecutor::Job> BoundedExecutor::take_gone() {
  std::vector<Job> gone;
  for (Waiting& each : waiting_)
    if (each.client_gone.stop_requested()) gone.push_back(std::move(each.job));
  std::erase_if(waiting_, [](const Waiting& each) { return !each.job; });
  return gone;
}

void BoundedExecutor::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    next.job(next.client_gone.stop_requested() ? Turn::gone : Turn::come);
    next.job = nullptr;  // what it holds is let go outside the lock
    lock.lock();
  }
}

}  // namespace weir::routes
