// The connection of a Client: TCP, with TLS for https:// (RFC 9110 §4.2.2). Only client.cpp includes this.
#pragma once

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "http/client.hpp"

namespace weir::http {

// Not thread-safe. Every step is an asynchronous operation that runs until it ends: this is how
// beast::tcp_stream enforces its deadline.
struct Client::Connection {
  using Code = boost::system::error_code;

  boost::asio::io_context io{1};
  boost::beast::tcp_stream stream{io};
  boost::beast::flat_buffer buffer;

  // Starts an operation and returns its result once it has ended.
  Code run(auto&& start) {
    Code outcome = boost::asio::error::operation_aborted;
    start([&outcome](const Code& code, auto&&...) { outcome = code; });
    // run() returns when the operation has ended, because nothing else keeps the context busy.
    io.restart();
    io.run();
    return outcome;
  }

  // The same for an operation on the stream that carries HTTP, plain or encrypted.
  Code run_on_stream(auto&& start) {
    return run([&](auto done) { tls ? start(*tls, std::move(done)) : start(stream, std::move(done)); });
  }

  // Whether the connection of the last request can be used again: the server has neither closed it nor sent
  // bytes without a request.
  bool is_usable();

  // Connects, and with https:// also handshakes, each within the deadline. ErrorKind::unavailable: no
  // connection. ErrorKind::invalid: the server's certificate is refused, or the file of authorities is wrong.
  // The code is connect_failed.
  Result<void> connect(const BaseUrl& base, const ClientSettings& settings);

  void close();

 private:
  using TlsStream = boost::asio::ssl::stream<boost::beast::tcp_stream&>;

  Result<void> begin_tls(const BaseUrl& base, const Trust& trust, std::chrono::milliseconds deadline);

  std::optional<boost::asio::ssl::context> context;
  std::optional<TlsStream> tls;  // while the connection is encrypted
};

}  // namespace weir::http
