// A plaintext TCP connection to a broker on an io thread. It knows nothing of the protocol.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace weir::kafka_producer {

// Not thread-safe: use it on the thread of the io context only. Pending handlers of the socket keep the
// object alive. After close() no callback is called. Callbacks are never called from within send() or
// close().
class BrokerConnection : public std::enable_shared_from_this<BrokerConnection> {
 public:
  struct Events {
    std::function<void()> connected;
    // `bytes` are valid during the call.
    std::function<void(std::string_view bytes)> received;
    // The connection was lost or could not be made. It is called at most once, and is the last callback.
    std::function<void(std::string why)> closed;
  };

  BrokerConnection(boost::asio::io_context& io, Events events);

  // Connects to the first address of `host` that accepts. `host` is a name or an address. A thread of Asio
  // resolves names. There is no timeout: the caller closes a connection that takes too long.
  void connect(const std::string& host, const std::string& port);
  // Writes as many bytes as the socket accepts now, and the others as soon as it accepts more. Does nothing
  // on a closed connection.
  void send(std::string bytes);
  // Closes the socket. Bytes that are not written yet are discarded.
  void close();

 private:
  using Tcp = boost::asio::ip::tcp;
  using Code = boost::system::error_code;

  void connect_to(Tcp::resolver::results_type endpoints);
  void read();
  void write_rest();
  void fail(const Code& code);

  Tcp::socket socket_;
  Tcp::resolver resolver_;
  Events events_;
  bool is_open_ = true;
  // Bytes to write. The first sent_ bytes are written already.
  std::string unsent_;
  std::size_t sent_ = 0;
  // True while it waits until the socket accepts more bytes.
  bool is_writing_ = false;
  std::array<char, 32 * 1024> received_;
};

}  // namespace weir::kafka_producer
