// Wakes one waiting thread from others: by hand, or by librdkafka when something comes into an empty queue.
#pragma once

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/ensure.hpp"

namespace weir::kafka {

// An eventfd. Knocks that nobody waits for are kept as one. Must outlive the queues that knock.
class Wakeup {
 public:
  // What a queue writes (rd_kafka_queue_io_event_enable).
  static constexpr std::uint64_t payload = 1;

  Wakeup() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    ensure(fd_ >= 0, "the process has a descriptor left");
  }
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  ~Wakeup() { close(fd_); }

  [[nodiscard]] int fd() const { return fd_; }

  // Any thread.
  void knock() const { (void)!write(fd_, &payload, sizeof payload); }

  // Returns once somebody knocks or the time is over.
  void wait(std::chrono::milliseconds at_most) const {
    pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, static_cast<int>(at_most.count())) <= 0) return;
    std::uint64_t knocks = 0;
    (void)!read(fd_, &knocks, sizeof knocks);
  }

 private:
  int fd_;
};

}  // namespace weir::kafka
