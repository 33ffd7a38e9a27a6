#include "app/signals.hpp"

#include <csignal>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <utility>

#include "base/ensure.hpp"

namespace weir::app {
namespace {

// As poll() takes it: 0 when it is over. A longer wait is waited in pieces.
int milliseconds_until(MonoTime until) {
  constexpr std::chrono::milliseconds piece_max{60'000};
  const MonoTime now = read_clock().mono;
  if (until <= now) return 0;
  if (until - now >= piece_max) return static_cast<int>(piece_max.count());
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(until - now).count());
}

}  // namespace

Signals::Signals() {
  sigset_t ours;
  sigemptyset(&ours);
  sigaddset(&ours, SIGTERM);
  sigaddset(&ours, SIGINT);
  sigaddset(&ours, SIGHUP);
  ensure(pthread_sigmask(SIG_BLOCK, &ours, nullptr) == 0, "signals can be blocked");
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  signals_ = signalfd(-1, &ours, SFD_CLOEXEC);
  knocks_ = eventfd(0, EFD_CLOEXEC);
  ensure(signals_ >= 0 && knocks_ >= 0, "there are file descriptors at start");
}

Signals::~Signals() {
  close(signals_);
  close(knocks_);
}

Wake Signals::wait(MonoTime until) {
  for (;;) {
    pollfd sources[] = {{signals_, POLLIN, 0}, {knocks_, POLLIN, 0}};
    const int patience = milliseconds_until(until);
    const int ready = poll(sources, 2, patience);
    if (ready == 0 && patience == 0) return {.reason = Wake::Reason::late};
    if (ready <= 0) continue;  // EINTR, or only a piece of the wait is over
    if ((sources[0].revents & POLLIN) != 0) {
      signalfd_siginfo info{};
      if (read(signals_, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP) return {.reason = Wake::Reason::hangup, .detail = "SIGHUP"};
        return {.reason = Wake::Reason::signal, .detail = info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM"};
      }
    }
    std::uint64_t knocks = 0;
    if ((sources[1].revents & POLLIN) == 0 || read(knocks_, &knocks, sizeof knocks) < 0) continue;
    const std::lock_guard lock(mutex_);
    if (fatal_) return *std::exchange(fatal_, std::nullopt);
    if (std::exchange(drained_, false)) return {.reason = Wake::Reason::drained};
  }
}

void Signals::fatal(int exit_code, std::string why) {
  {
    const std::lock_guard lock(mutex_);
    if (!fatal_)
      fatal_ = Wake{.reason = Wake::Reason::fatal, .exit_code = exit_code, .detail = std::move(why)};
  }
  knock();
}

void Signals::drained() {
  {
    const std::lock_guard lock(mutex_);
    drained_ = true;
  }
  knock();
}

void Signals::knock() {
  const std::uint64_t one = 1;
  ensure(write(knocks_, &one, sizeof one) == sizeof one, "an eventfd takes a knock");
}

}  // namespace weir::app
