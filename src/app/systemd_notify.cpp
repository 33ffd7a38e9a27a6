#include "app/systemd_notify.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace weir::app {

std::string_view systemd_socket() {
  const char* const name = std::getenv("NOTIFY_SOCKET");
  return name == nullptr ? std::string_view() : name;
}

bool notify_systemd(std::string_view socket_name, std::string_view state) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // The name must leave room for the zero byte at its end.
  if (socket_name.empty() || socket_name.size() >= sizeof address.sun_path) return false;
  if (socket_name.front() != '/' && socket_name.front() != '@') return false;
  std::ranges::copy(socket_name, static_cast<char*>(address.sun_path));
  if (socket_name.front() == '@') address.sun_path[0] = '\0';  // unix(7): an abstract address
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_name.size());
  const ssize_t sent = sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                              reinterpret_cast<const sockaddr*>(&address), length);
  close(fd);
  return sent == static_cast<ssize_t>(state.size());
}

}  // namespace weir::app
