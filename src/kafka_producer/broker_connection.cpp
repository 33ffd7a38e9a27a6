// One read is always pending while the connection is open. Writes are tried at once, because the socket
// accepts most requests as a whole; this saves a turn of the event loop.
#include "kafka_producer/broker_connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>

namespace weir::kafka_producer {

namespace asio = boost::asio;

BrokerConnection::BrokerConnection(asio::io_context& io, Events events)
    : socket_(io), resolver_(io), events_(std::move(events)) {}

void BrokerConnection::connect(const std::string& host, const std::string& port) {
  // An address needs no resolver, and so no other thread.
  Code code;
  const auto address = asio::ip::make_address(host, code);
  if (!code) {
    const auto number = static_cast<asio::ip::port_type>(std::strtoul(port.c_str(), nullptr, 10));
    return connect_to(Tcp::resolver::results_type::create(Tcp::endpoint(address, number), host, port));
  }
  resolver_.async_resolve(host, port, [self = shared_from_this()](const Code& failed, auto endpoints) {
    if (!self->is_open_) return;
    if (failed) return self->fail(failed);
    self->connect_to(std::move(endpoints));
  });
}

void BrokerConnection::connect_to(Tcp::resolver::results_type endpoints) {
  asio::async_connect(socket_, endpoints,
                      [self = shared_from_this()](const Code& failed, const Tcp::endpoint&) {
                        if (!self->is_open_) return;
                        if (failed) return self->fail(failed);
                        Code ignored;
                        self->socket_.set_option(Tcp::no_delay(true), ignored);
                        self->socket_.non_blocking(true, ignored);
                        self->read();
                        self->events_.connected();
                      });
}

void BrokerConnection::read() {
  socket_.async_read_some(asio::buffer(received_),
                          [self = shared_from_this()](const Code& code, std::size_t size) {
                            if (!self->is_open_) return;
                            if (code) return self->fail(code);
                            self->events_.received({self->received_.data(), size});
                            if (self->is_open_) self->read();
                          });
}

void BrokerConnection::send(std::string bytes) {
  if (!is_open_) return;
  if (is_writing_) {
    unsent_ += bytes;
    return;
  }
  unsent_ = std::move(bytes);
  sent_ = 0;
  write_rest();
}

// An error is not handled here. The pending read reports it, so no callback runs within send().
void BrokerConnection::write_rest() {
  Code code;
  while (sent_ < unsent_.size() && !code)
    sent_ += socket_.write_some(asio::buffer(unsent_.data() + sent_, unsent_.size() - sent_), code);
  is_writing_ = code == asio::error::would_block || code == asio::error::try_again;
  if (!is_writing_) return;
  socket_.async_wait(Tcp::socket::wait_write, [self = shared_from_this()](const Code& failed) {
    if (self->is_open_ && !failed) self->write_rest();
  });
}

void BrokerConnection::close() {
  if (!is_open_) return;
  is_open_ = false;
  Code ignored;
  resolver_.cancel();
  socket_.close(ignored);
}

void BrokerConnection::fail(const Code& code) {
  close();
  events_.closed(code.message());
}

}  // namespace weir::kafka_producer
