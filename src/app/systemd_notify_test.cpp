#include "app/systemd_notify.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace weir::app {
namespace {

// A socket in the role of systemd.
class Receiver {
 public:
  explicit Receiver(const std::string& name) : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(&address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), length), 0) << std::strerror(errno);
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  ~Receiver() { close(fd_); }

  // The next datagram; empty if there is none.
  [[nodiscard]] std::string next() const {
    std::array<char, 256> bytes{};
    const ssize_t size = recv(fd_, bytes.data(), bytes.size(), 0);
    return {bytes.data(), size < 0 ? 0 : static_cast<std::size_t>(size)};
  }

 private:
  int fd_;
};

TEST(SystemdNotify, ReceivesOneDatagram) {
  const std::string id = std::to_string(getpid());
  const std::string path = std::filesystem::temp_directory_path() / ("weir-notify-" + id);
  for (const std::string& name : {path, "@weir-notify-" + id}) {
    const Receiver receiver(name);
    EXPECT_TRUE(notify_systemd(name, "READY=1\nSTATUS=serving")) << name;
    EXPECT_EQ(receiver.next(), "READY=1\nSTATUS=serving");
    EXPECT_EQ(receiver.next(), "");
  }
  std::filesystem::remove(path);
}

TEST(SystemdNotify, IsNotNeeded) {
  EXPECT_FALSE(notify_systemd("", "READY=1"));
  EXPECT_FALSE(notify_systemd("/nonexistent/socket", "READY=1"));
  EXPECT_FALSE(notify_systemd("relative", "READY=1"));
  EXPECT_FALSE(notify_systemd("/" + std::string(200, 'x'), "READY=1"));
}

}  // namespace
}  // namespace weir::app
