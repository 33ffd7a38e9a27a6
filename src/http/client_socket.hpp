// The socket of a connection, plain or with TLS. A plain socket costs one branch for each call.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "tls/session.hpp"

namespace weir::http {

// A socket between two io threads, with its TLS session if it has one. Closes the socket if no io thread
// takes it. Movable.
struct ReleasedSocket {
  ReleasedSocket(int descriptor, std::unique_ptr<tls::Session> session)
      : tls(std::move(session)), descriptor_(descriptor) {}
  ReleasedSocket(ReleasedSocket&& other) noexcept
      : tls(std::move(other.tls)), descriptor_(std::exchange(other.descriptor_, -1)) {}
  ReleasedSocket& operator=(ReleasedSocket&&) = delete;
  ~ReleasedSocket();

  [[nodiscard]] int descriptor() const { return descriptor_; }
  // Another object closes the descriptor from now on.
  void forget_descriptor() { descriptor_ = -1; }

  std::unique_ptr<tls::Session> tls;

 private:
  int descriptor_;
};

// Used on its io thread only. No function blocks.
class ClientSocket {
 public:
  using Code = boost::system::error_code;

  // `socket` is non-blocking. `tls` is null for a plain connection; else its session on this socket.
  ClientSocket(boost::asio::ip::tcp::socket socket, std::unique_ptr<tls::Session> tls)
      : tls_(std::move(tls)), socket_(std::move(socket)) {}

  [[nodiscard]] boost::asio::ip::tcp::socket& tcp() { return socket_; }
  // Null for a plain connection.
  [[nodiscard]] tls::Session* tls() { return tls_.get(); }
  [[nodiscard]] const tls::Session* tls() const { return tls_.get(); }

  // As the functions of Asio's socket: return the number of bytes, and 0 with `code`. would_block: wait until
  // the socket is readable or writable, as waits_to_write() and has_input() say, and call again.
  std::size_t receive(std::span<char> into, Code& code) {
    if (tls_) [[unlikely]]
      return receive_tls(into, code);
    return socket_.receive(boost::asio::buffer(into.data(), into.size()), 0, code);
  }
  // After would_block the next call begins with the same bytes.
  std::size_t send(std::span<const char> bytes, Code& code) {
    if (tls_) [[unlikely]]
      return send_tls(bytes, code);
    return socket_.send(boost::asio::buffer(bytes.data(), bytes.size()), 0, code);
  }

  // Whether receive() may return bytes although the socket is not readable.
  [[nodiscard]] bool has_input() const { return tls_ && tls_->is_input_buffered(); }
  // Whether the session must send before it can receive. The next receive() tries again.
  [[nodiscard]] bool waits_to_write() const { return waits_to_write_; }
  // What the session holds besides the connection's own buffers: an upper bound.
  [[nodiscard]] std::size_t buffer_bytes() const { return tls_ ? tls_->buffer_bytes() : 0; }

  // Gives the socket away, and cancels the waits for it. The caller must have sent all bytes that it began to
  // send. Nothing else may be called after that.
  [[nodiscard]] ReleasedSocket release();

  // Tells the client that no more bytes follow. Received bytes can only be discarded after that (tcp()).
  void shutdown_send();
  void close();

 private:
  std::size_t receive_tls(std::span<char> into, Code& code);
  std::size_t send_tls(std::span<const char> bytes, Code& code);

  std::unique_ptr<tls::Session> tls_;
  boost::asio::ip::tcp::socket socket_;
  bool waits_to_write_ = false;
};

}  // namespace weir::http
