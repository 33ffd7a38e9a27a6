#include "http/client_socket.hpp"

#include <boost/asio/error.hpp>
#include <unistd.h>

namespace weir::http {

namespace asio = boost::asio;

using tls::Progress;

ReleasedSocket::~ReleasedSocket() {
  tls.reset();
  if (descriptor_ >= 0) ::close(descriptor_);
}

ReleasedSocket ClientSocket::release() {
  Code ignored;
  return {socket_.release(ignored), std::move(tls_)};
}

// Bytes precede an error: if the session has some, the error follows with the next call.
std::size_t ClientSocket::receive_tls(std::span<char> into, Code& code) {
  Progress progress = Progress::done;
  const std::size_t some = tls_->read(into, progress);
  waits_to_write_ = some == 0 && progress == Progress::wait_writable;
  code = {};
  if (some == 0 && progress != Progress::done)
    code = progress == Progress::ended ? Code(asio::error::eof) : Code(asio::error::would_block);
  return some;
}

// A session writes whole records. After would_block the next call must begin with the same bytes.
std::size_t ClientSocket::send_tls(std::span<const char> bytes, Code& code) {
  Progress progress = Progress::done;
  const std::size_t some = tls_->write(bytes, progress);
  code = {};
  if (progress == Progress::ended)
    code = asio::error::connection_reset;
  else if (progress != Progress::done)
    code = asio::error::would_block;
  return some;
}

// close_notify first (RFC 8446 §6.1): without it the client could take a cut connection for the end.
void ClientSocket::shutdown_send() {
  if (tls_) tls_->end_output();
  Code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
}

void ClientSocket::close() {
  if (tls_) tls_->end_output();
  Code ignored;
  socket_.close(ignored);
}

}  // namespace weir::http
