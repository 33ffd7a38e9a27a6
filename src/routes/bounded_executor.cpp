// Jobs are always called without the mutex: they may take long, and they may submit other jobs.
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

// Waiting jobs are called on this thread, so no thread of the pool has to become free for them.
void BoundedExecutor::stop() {
  std::deque<WaitingJob> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(waiting_);
  }
  changed_.notify_all();
  for (WaitingJob& each : dropped) each.job(Call::stopping);
}

void BoundedExecutor::submit(Job job, std::stop_token client_gone) {
  std::vector<Job> abandoned;
  Call refused = Call::queue_full;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      refused = Call::stopping;
    } else {
      // The search is linear, so it is done only when the queue is full.
      if (waiting_.size() >= waiting_max_) abandoned = remove_abandoned();
      if (waiting_.size() < waiting_max_) {
        waiting_.push_back({std::move(job), std::move(client_gone)});
        changed_.notify_one();
      }
    }
  }
  for (Job& each : abandoned) each(Call::client_gone);
  if (job) job(refused);  // it was not moved into the queue
}

// The order of the other jobs does not change.
std::vector<BoundedExecutor::Job> BoundedExecutor::remove_abandoned() {
  std::vector<Job> abandoned;
  for (WaitingJob& each : waiting_)
    if (each.client_gone.stop_requested()) abandoned.push_back(std::move(each.job));
  std::erase_if(waiting_, [](const WaitingJob& each) { return !each.job; });
  return abandoned;
}

// The loop of each thread. It ends when stop() has emptied the queue.
void BoundedExecutor::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    next.job(next.client_gone.stop_requested() ? Call::client_gone : Call::run);
    next.job = nullptr;  // destroys what the job captured, without the mutex
    lock.lock();
  }
}

}  // namespace weir::routes
