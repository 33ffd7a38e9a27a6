// A client's end of a TCP connection, for tests. It sends any bytes and parses replies one by one.
#pragma once

#include <algorithm>
#include <arpa/inet.h>
#include <cstdint>
#include <map>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace weir::http {

struct RawReply {
  int status = 0;  // 0: the connection ended before a reply
  std::map<std::string, std::string> headers;
  std::string body;
};

// Not thread-safe. A call fails if the server sends nothing for patience_s; a passing test never waits that
// long.
class RawSocket {
 public:
  static constexpr int patience_s = 20;

  RawSocket() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{.tv_sec = patience_s, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const int yes = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  }
  explicit RawSocket(std::uint16_t port) : RawSocket() { connect(port); }
  RawSocket(RawSocket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), bytes_(std::move(other.bytes_)) {}
  RawSocket& operator=(RawSocket&&) = delete;
  ~RawSocket() { close(); }

  // For a library that sends and receives itself. Not owned.
  [[nodiscard]] int fd() const { return fd_; }

  // Sets the client's own address, one of 127.0.0.0/8. Call it before connect().
  void bind(const std::string& own) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, own.c_str(), &address.sin_addr);
    // NOLINTNEXTLINE: the socket API requires the cast
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot bind to " + own);
  }

  void connect(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // NOLINTNEXTLINE: the socket API requires the cast
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot connect to the server under test");
  }

  // Returns false if the server closed the connection before all bytes were sent.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // Reads the next reply. Pass true for a reply without a body although it has Content-Length (HEAD).
  RawReply reply(bool without_body = false) {
    RawReply reply;
    std::size_t head_end = 0;
    while ((head_end = bytes_.find("\r\n\r\n")) == std::string::npos)
      if (!more()) return {};
    std::string_view head = std::string_view(bytes_).substr(0, head_end + 2);
    reply.status = std::stoi(std::string(head.substr(9, 3)));
    head.remove_prefix(head.find("\r\n") + 2);
    while (!head.empty()) {
      const std::size_t colon = head.find(':');
      const std::size_t end = head.find("\r\n");
      reply.headers[std::string(head.substr(0, colon))] = head.substr(colon + 2, end - colon - 2);
      head.remove_prefix(end + 2);
    }
    bytes_.erase(0, head_end + 4);
    const auto length = reply.headers.find("Content-Length");
    const std::size_t size = without_body || length == reply.headers.end() ? 0 : std::stoul(length->second);
    while (bytes_.size() < size)
      if (!more()) return {};
    reply.body = bytes_.substr(0, size);
    bytes_.erase(0, size);
    return reply;
  }

  // Reads the next chunk of a body whose head reply() has returned. The last chunk is empty. Returns nothing
  // if the connection ended first.
  std::optional<std::string> chunk() {
    std::size_t size_end = 0;
    while ((size_end = bytes_.find("\r\n")) == std::string::npos)
      if (!more()) return std::nullopt;
    const std::size_t size = std::stoul(bytes_.substr(0, size_end), nullptr, 16);
    const std::size_t end = size_end + 2 + size + 2;
    while (bytes_.size() < end)
      if (!more()) return std::nullopt;
    std::string data = bytes_.substr(size_end + 2, size);
    bytes_.erase(0, end);
    return data;
  }

  // Reads until the server closes the connection.
  std::string rest() {
    while (more()) {
    }
    return std::exchange(bytes_, {});
  }
  // Whether the server has closed or reset the connection; false if a read timed out instead.
  [[nodiscard]] bool closed_by_server() const { return closed_; }

  void finish_sending() { ::shutdown(fd_, SHUT_WR); }

  // Resets the connection, so that the next write of the server fails.
  void reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  // Makes the receive buffer small, so that the server soon has to wait. Call it before connect().
  void receive_little() {
    const int bytes = 4096;
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }

 private:
  bool more() {
    char buffer[65536];
    const ssize_t received = ::recv(fd_, buffer, sizeof buffer, 0);
    if (received > 0) bytes_.append(buffer, static_cast<std::size_t>(received));
    if (received == 0 || (received < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) closed_ = true;
    return received > 0;
  }

  int fd_;
  bool closed_ = false;
  std::string bytes_;
};

}  // namespace weir::http
