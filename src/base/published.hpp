// A value that is replaced as a whole while other threads read it: settings that change at run time.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace weir {

// Thread-safe. Readers see a new value at their next call. A reader takes the lock only when there is a new
// value; otherwise a call costs one atomic load, about 1 ns.
template <class T>
class Published {
 public:
  // A reader's view. Each thread has its own. Not thread-safe.
  class Reader {
   public:
    explicit Reader(const Published& published) : published_(&published) {}
    // Returns the newest value. It is valid until the next call.
    [[nodiscard]] const T& newest() {
      if (published_->version_.load(std::memory_order_acquire) != version_) {
        const std::lock_guard lock(published_->mutex_);
        value_ = published_->value_;
        version_ = published_->version_.load(std::memory_order_relaxed);
      }
      return *value_;
    }

   private:
    const Published* published_;
    std::uint64_t version_ = 0;
    std::shared_ptr<const T> value_;
  };

  explicit Published(std::shared_ptr<const T> first) : value_(std::move(first)) {}
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;

  void publish(std::shared_ptr<const T> value) {
    const std::lock_guard lock(mutex_);
    value_ = std::move(value);
    version_.fetch_add(1, std::memory_order_release);
  }
  // Returns the newest value, for callers that read it seldom.
  [[nodiscard]] std::shared_ptr<const T> get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  std::atomic<std::uint64_t> version_{1};
  mutable std::mutex mutex_;  // guards value_
  std::shared_ptr<const T> value_;
};

}  // namespace weir
