#include "app/signals.hpp"

#include <csignal>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <utility>

#include "base/ensure.hpp"

// The main thread blocks in poll() on two descriptors: a signalfd for signals, and an eventfd that the other
// threads write to. What they report lies under the mutex. A signal is reported before a fatal error, and a
// fatal error before `done`, and that before `settings`.
namespace weir::app {
namespace {

// The timeout for poll(): 0 when the deadline has passed. At most one minute, so that it fits into an int;
// wait() then polls again.
int milliseconds_until(MonoTime deadline) {
  constexpr std::chrono::milliseconds timeout_max{60'000};
  const MonoTime now = read_clock().mono;
  if (deadline <= now) return 0;
  if (deadline - now >= timeout_max) return static_cast<int>(timeout_max.count());
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count());
}

}  // namespace

Signals::Signals() {
  // Threads inherit the mask, so it must be set before the first of them starts.
  sigset_t ours;
  sigemptyset(&ours);
  sigaddset(&ours, SIGTERM);
  sigaddset(&ours, SIGINT);
  sigaddset(&ours, SIGHUP);
  ensure(pthread_sigmask(SIG_BLOCK, &ours, nullptr) == 0, "signals can be blocked");
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  signal_fd_ = signalfd(-1, &ours, SFD_CLOEXEC);
  event_fd_ = eventfd(0, EFD_CLOEXEC);
  ensure(signal_fd_ >= 0 && event_fd_ >= 0, "file descriptors are available at start");
}

Signals::~Signals() {
  close(signal_fd_);
  close(event_fd_);
}

ProcessEvent Signals::wait(MonoTime deadline) {
  for (;;) {
    pollfd sources[] = {{signal_fd_, POLLIN, 0}, {event_fd_, POLLIN, 0}};
    const int timeout = milliseconds_until(deadline);
    const int ready = poll(sources, 2, timeout);
    if (ready == 0 && timeout == 0) return {.kind = ProcessEvent::Kind::timeout};
    if (ready <= 0) continue;  // EINTR, or the deadline is more than one minute away
    if ((sources[0].revents & POLLIN) != 0) {
      signalfd_siginfo info{};
      if (read(signal_fd_, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP) return {.kind = ProcessEvent::Kind::hangup, .detail = "SIGHUP"};
        return {.kind = ProcessEvent::Kind::terminate,
                .detail = info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM"};
      }
    }
    std::uint64_t notifications = 0;  // reading resets the eventfd
    if ((sources[1].revents & POLLIN) == 0 || read(event_fd_, &notifications, sizeof notifications) < 0)
      continue;
    const std::lock_guard lock(mutex_);
    if (fatal_) return *std::exchange(fatal_, std::nullopt);
    if (std::exchange(done_, false)) {
      if (new_settings_) notify();  // the next call returns them
      return {.kind = ProcessEvent::Kind::done};
    }
    if (std::exchange(new_settings_, false)) return {.kind = ProcessEvent::Kind::settings};
  }
}

void Signals::fatal(int exit_code, std::string why) {
  {
    const std::lock_guard lock(mutex_);
    if (!fatal_)
      fatal_ =
          ProcessEvent{.kind = ProcessEvent::Kind::fatal, .exit_code = exit_code, .detail = std::move(why)};
  }
  notify();
}

void Signals::notify_done() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  notify();
}

void Signals::notify_settings() {
  {
    const std::lock_guard lock(mutex_);
    new_settings_ = true;
  }
  notify();
}

// Makes the eventfd readable, which ends poll() in wait().
void Signals::notify() {
  const std::uint64_t one = 1;
  ensure(write(event_fd_, &one, sizeof one) == sizeof one, "an eventfd can be written to");
}

}  // namespace weir::app
