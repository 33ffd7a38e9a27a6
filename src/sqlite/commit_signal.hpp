// Publishes the end offset of the embedded log from its writer to the reader in the same process.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <mutex>

namespace weir::sqlite {

// Shared by one writer and one reader, each of which may be destroyed before the other. Any thread may call
// any function.
class CommitSignal {
 public:
  // `end` is the offset that the next record will get.
  explicit CommitSignal(std::int64_t end) : end_(end) {}

  // For the writer, after a commit: every record before `end` can be read from the file.
  void publish(std::int64_t end) {
    const std::scoped_lock lock(mutex_);
    end_ = end;
    if (end > seen_) changed_.notify_one();
  }

  // The offset that the next record will get. Reads an atomic.
  [[nodiscard]] std::int64_t end() const { return end_; }

  // For the reader. Returns as soon as end() is greater than `seen`, after a wake(), or after `wait_max`.
  void wait_beyond(std::int64_t seen, std::chrono::milliseconds wait_max) {
    std::unique_lock lock(mutex_);
    seen_ = seen;
    changed_.wait_for(lock, wait_max, [this, seen] { return woken_ || end_ > seen; });
    woken_ = false;
    seen_ = std::numeric_limits<std::int64_t>::max();
  }

  // Ends the wait of the reader, or its next one if it does not wait now.
  void wake() {
    const std::scoped_lock lock(mutex_);
    woken_ = true;
    changed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<std::int64_t> end_;  // written under the mutex
  // Guarded by the mutex.
  bool woken_ = false;
  std::int64_t seen_ = std::numeric_limits<std::int64_t>::max();  // by the reader that waits; max: none waits
};

}  // namespace weir::sqlite
