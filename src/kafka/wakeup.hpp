// Wakes a waiting thread: from another thread, or by librdkafka when an empty queue receives something.
#pragma once

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/ensure.hpp"

namespace weir::kafka {

// An eventfd. Notifications that no thread waits for are merged into one. Must outlive the queues that write
// to it.
class Wakeup {
 public:
  // What a queue writes to fd(); see rd_kafka_queue_io_event_enable.
  static constexpr std::uint64_t payload = 1;

  Wakeup() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    ensure(fd_ >= 0, "the process can open an eventfd");
  }
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  ~Wakeup() { close(fd_); }

  // For librdkafka's queues. Closed by the destructor.
  [[nodiscard]] int fd() const { return fd_; }

  // From any thread.
  void notify() const { (void)!write(fd_, &payload, sizeof payload); }

  // Returns after a notification, or when the time is over. From one thread.
  void wait(std::chrono::milliseconds wait_max) const {
    pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, static_cast<int>(wait_max.count())) <= 0) return;
    std::uint64_t count = 0;
    (void)!read(fd_, &count, sizeof count);
  }

 private:
  int fd_;
};

}  // namespace weir::kafka
