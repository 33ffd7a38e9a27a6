// One wait for input is always pending while the connection is open. Writes are tried at once, because the
// socket accepts most requests as a whole; this saves a turn of the event loop. A TLS session does its own
// I/O on the socket, so this class only waits and calls it again.
#include "kafka_producer/broker_connection.hpp"

#include <boost/asio/connect.hpp>

#include "tls/session.hpp"

namespace weir::kafka_producer {

namespace asio = boost::asio;

BrokerConnection::BrokerConnection(asio::io_context& io, const tls::ClientContext* tls, Events events)
    : tls_(tls), resolver_(io), events_(std::move(events)), connecting_(io) {}

void BrokerConnection::connect(const std::string& host, const std::string& port) {
  host_ = host;
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
  asio::async_connect(connecting_, endpoints,
                      [self = shared_from_this()](const Code& failed, const Tcp::endpoint&) {
                        if (!self->is_open_) return;
                        if (failed) return self->fail(failed);
                        self->begin_session();
                      });
}

void BrokerConnection::begin_session() {
  Code ignored;
  connecting_.set_option(Tcp::no_delay(true), ignored);
  connecting_.non_blocking(true, ignored);
  auto session = tls_ ? tls_->connect(connecting_.native_handle(), host_) : nullptr;
  socket_.emplace(std::move(connecting_), std::move(session));
  if (tls_) return handshake();
  wait_to_read();
  events_.connected();
}

void BrokerConnection::handshake() {
  switch (socket_->tls()->handshake()) {
    case tls::Progress::wait_readable:
      return wait(Tcp::socket::wait_read, &BrokerConnection::handshake);
    case tls::Progress::wait_writable:
      return wait(Tcp::socket::wait_write, &BrokerConnection::handshake);
    case tls::Progress::ended:
      return fail_tls();
    case tls::Progress::done:
      break;
  }
  wait_to_read();
  events_.connected();
  if (is_open_ && socket_->has_input()) read();
}

void BrokerConnection::wait(Tcp::socket::wait_type until, void (BrokerConnection::*next)()) {
  socket_->tcp().async_wait(until, [self = shared_from_this(), next](const Code& failed) {
    if (!self->is_open_) return;
    if (failed) return self->fail(failed);
    (*self.*next)();
  });
}

void BrokerConnection::wait_to_read() { wait(Tcp::socket::wait_read, &BrokerConnection::read); }

// Reads until the socket has no more bytes; a session may hold some that the socket does not show.
void BrokerConnection::read() {
  do {
    Code code;
    const std::size_t size = socket_->receive(received_, code);
    if (code == asio::error::would_block || code == asio::error::try_again) break;
    if (size == 0 && !code) code = asio::error::eof;
    if (code) return socket_->tls() && !socket_->tls()->failure_text().empty() ? fail_tls() : fail(code);
    events_.received({received_.data(), size});
  } while (is_open_ && socket_->has_input());
  if (is_open_) wait_to_read();
}

void BrokerConnection::send(std::string bytes) {
  if (!is_open_ || !socket_) return;
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
    sent_ += socket_->send({unsent_.data() + sent_, unsent_.size() - sent_}, code);
  is_writing_ = code == asio::error::would_block || code == asio::error::try_again;
  if (is_writing_) wait(Tcp::socket::wait_write, &BrokerConnection::write_rest);
}

void BrokerConnection::close() {
  if (!is_open_) return;
  is_open_ = false;
  Code ignored;
  resolver_.cancel();
  connecting_.close(ignored);
  if (socket_) socket_->close();
}

void BrokerConnection::fail(const Code& code) {
  close();
  events_.closed(false, code.message());
}

void BrokerConnection::fail_tls() {
  std::string why = socket_->tls()->failure_text();
  close();
  events_.closed(true, std::move(why));
}

}  // namespace weir::kafka_producer
