// How far the embedded log's writer is, told to the reader of the same process.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace weir::sqlite {

// Shared by one writer and one reader; each may be gone before the other.
class CommitSignal {
 public:
  // `end`: the offset that the next record will get.
  explicit CommitSignal(std::int64_t end) : end_(end) {}

  // The writer: everything below `end` can be read from the file.
  void committed(std::int64_t end) {
    const std::scoped_lock lock(mutex_);
    end_ = end;
    changed_.notify_one();
  }

  // Any thread.
  [[nodiscard]] std::int64_t end() const { return end_; }

  // The reader: returns as soon as end() is beyond `seen`, at once after knock(), and after `wait_max` in any
  // case.
  void wait_beyond(std::int64_t seen, std::chrono::milliseconds wait_max) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, wait_max, [this, seen] { return knocked_ || end_ > seen; });
    knocked_ = false;
  }

  // Any thread: ends the reader's wait, or its next one.
  void knock() {
    const std::scoped_lock lock(mutex_);
    knocked_ = true;
    changed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<std::int64_t> end_;  // written under the mutex
  bool knocked_ = false;
};

}  // namespace weir::sqlite
