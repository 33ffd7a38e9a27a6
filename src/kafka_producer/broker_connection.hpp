// A TCP connection to a broker on an io thread: bytes out, bytes in. Plaintext.
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

// One thread: the io context's. Handlers of the socket keep the object alive; after close() none of the
// callbacks is called.
class BrokerConnection : public std::enable_shared_from_this<BrokerConnection> {
 public:
  struct Events {
    std::function<void()> connected;
    std::function<void(std::string_view bytes)> received;
    std::function<void(std::string why)> closed;  // also where it could not be made
  };

  BrokerConnection(boost::asio::io_context& io, Events events);

  // `host` is a name or an address; a name is resolved by a thread of Asio's.
  void connect(const std::string& host, const std::string& port);
  // Sends at once what the socket takes, and the rest when it takes more.
  void send(std::string bytes);
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
  std::string unsent_;  // the beginning is sent up to sent_
  std::size_t sent_ = 0;
  bool is_writing_ = false;  // waits until the socket takes more
  std::array<char, 32 * 1024> received_;
};

}  // namespace weir::kafka_producer
