#include "routes/report_pool.hpp"

#include <utility>

namespace weir::routes {

ReportPool::ReportPool(std::size_t threads, std::size_t waiting_max) : waiting_max_(waiting_max) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ReportPool::~ReportPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void ReportPool::offer(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() < waiting_max_) {
      waiting_.push_back(std::move(job));
      changed_.notify_one();
      return;
    }
  }
  job(Turn::full);
}

void ReportPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    auto job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    job(Turn::come);
    job = nullptr;  // what it holds is let go outside the lock
    lock.lock();
  }
}

}  // namespace weir::routes
