#include "app/descriptors.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/limits.hpp"

namespace weir::app {

void open_standard_descriptors() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    if (fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    // open() returns the lowest free number, which is this one, because those below it are open.
    (void)open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

std::size_t raise_descriptor_limit() {
  // If the limit is unknown, assume that it suffices: accept() handles a lack of descriptors at run time.
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return limits::connections_max;
  if (limit.rlim_cur < limit.rlim_max) {
    const rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur;
}

std::size_t connections_within(std::size_t limit, int threads) {
  const auto io_threads = static_cast<std::size_t>(threads);
  const std::size_t kept =
      limits::reserved_descriptors + io_threads * limits::reserved_descriptors_per_io_thread;
  const std::size_t left = limit > kept ? limit - kept : 0;
  // While the server rejects excess connections, it briefly holds an eighth more.
  return std::clamp(left / 9 * 8, io_threads, limits::connections_max);
}

}  // namespace weir::app
