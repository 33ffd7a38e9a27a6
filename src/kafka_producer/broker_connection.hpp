// A TCP connection to a broker on an io thread, plain or with TLS. It knows nothing of the protocol.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/client_socket.hpp"
#include "tls/client_context.hpp"

namespace weir::kafka_producer {

// Not thread-safe: use it on the thread of the io context only. Pending handlers of the socket keep the
// object alive. After close() no callback is called. Callbacks are never called from within send() or
// close().
class BrokerConnection : public std::enable_shared_from_this<BrokerConnection> {
 public:
  struct Events {
    // The connection is made, and the TLS session if there is one.
    std::function<void()> connected;
    // `bytes` are valid during the call.
    std::function<void(std::string_view bytes)> received;
    // The connection was lost or could not be made. It is called at most once, and is the last callback.
    // `is_tls`: because of the TLS session, for example a certificate.
    std::function<void(bool is_tls, std::string why)> closed;
  };

  // `tls` is null for a plain connection; else it must outlive the connection.
  BrokerConnection(boost::asio::io_context& io, const tls::ClientContext* tls, Events events);

  // Connects to the first address of `host` that accepts. `host` is a name or an address. A thread of Asio
  // resolves names. There is no timeout: the caller closes a connection that takes too long.
  void connect(const std::string& host, const std::string& port);
  // Writes as many bytes as the socket accepts now, and the others as soon as it accepts more. Does nothing
  // on a connection that is closed.
  void send(std::string bytes);
  // Closes the socket. Bytes that are not written yet are discarded.
  void close();

 private:
  using Tcp = boost::asio::ip::tcp;
  using Code = boost::system::error_code;

  void connect_to(Tcp::resolver::results_type endpoints);
  void begin_session();
  void handshake();
  void wait_to_read();
  void read();
  void write_rest();
  void fail(const Code& code);
  void fail_tls();
  // Calls `next` when the socket is ready, unless the connection is closed then.
  void wait(Tcp::socket::wait_type until, void (BrokerConnection::*next)());

  const tls::ClientContext* const tls_;
  Tcp::resolver resolver_;
  Events events_;
  std::string host_;
  Tcp::socket connecting_;                    // until the connection is made
  std::optional<http::ClientSocket> socket_;  // afterwards
  bool is_open_ = true;
  // Bytes to write. The first sent_ bytes are written already.
  std::string unsent_;
  std::size_t sent_ = 0;
  // True while it waits until the socket accepts more bytes.
  bool is_writing_ = false;
  std::array<char, 32 * 1024> received_;
};

}  // namespace weir::kafka_producer
