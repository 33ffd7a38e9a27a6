// The part of a connection that ends an event: it sends what was written, updates the deadline and waits for
// the next event. Replies are written into the shared output of the io thread. Only bytes that the socket
// does not accept are copied into `unsent_`; while there are any, no further request is read.
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <utility>

#include "http/connection.hpp"

namespace weir::http {

namespace asio = boost::asio;

using Code = boost::system::error_code;

void Connection::finish_event() {
  // If serve() stopped because the socket did not accept everything, on_writable() continues it. A second
  // flush here could succeed, and then the complete requests in the buffer would wait for further input.
  if (phase_ != Phase::closed && unsent_.empty()) flush();
  if (phase_ == Phase::closed) return;
  if (close_after_reply_ || at_ == in_.size)
    release_buffer();
  else
    keep_unread();
  if (phase_ == Phase::reading && in_.size == 0) phase_ = Phase::idle;
  update_holding();
  update_deadline();
  if (releasable_bytes() > limits::connection_bytes_min && !is_within_limits()) return evict("too_much_held");
  wait();
}

// Sends as much as the socket accepts without blocking. What is left becomes unsent_.
void Connection::flush() {
  std::string& bytes = out();
  std::size_t sent = unsent_.empty() ? 0 : sent_;
  while (sent < bytes.size()) {
    Code code;
    const std::size_t some = socket_.send({bytes.data() + sent, bytes.size() - sent}, code);
    if (code == asio::error::would_block) break;
    if (code) return close();
    sent += some;
  }
  if (sent == bytes.size()) {
    io_thread_.out().clear();
    unsent_ = std::string();
    sent_ = 0;
  } else if (unsent_.empty()) {
    unsent_.assign(bytes, sent);
    sent_ = 0;
    io_thread_.out().clear();
    io_thread_.count_paused_read();
  } else {
    sent_ = sent;
  }
  if (stream_) update_stream();
}

// The time of a request ends when its reply is sent. Only then the time of the next one begins.
void Connection::update_deadline() {
  if (phase_ == Phase::streaming || !reply_finished_ || !unsent_.empty()) return;
  reply_finished_ = false;
  const ServerSettings& settings = io_thread_.settings();
  deadline_ =
      io_thread_.sweep_after(phase_ == Phase::idle ? settings.idle_deadline : settings.request_deadline);
}

// Waits for one event at most: for the socket to accept output, else for the mailbox, else for input.
void Connection::wait() {
  if (phase_ == Phase::closed) return;
  if (!unsent_.empty() || socket_.waits_to_write()) {
    if (!waits_to_write_) io_thread_.wait_writable(socket_.tcp(), id_);
    waits_to_write_ = true;
    return;
  }
  if (phase_ == Phase::handling || phase_ == Phase::streaming) return;
  const bool is_over = close_after_reply_ || (io_thread_.stopping() && phase_ == Phase::idle);
  if (is_over && phase_ != Phase::lingering) linger();
  if (waits_to_read_) return;
  waits_to_read_ = true;
  if (socket_.has_input() && phase_ != Phase::lingering) return io_thread_.notify_readable(id_);
  io_thread_.wait_readable(socket_.tcp(), id_);
}

// If a socket is closed while received bytes are unread, TCP resets the connection, and the client may lose
// the reply (RFC 9112 §9.6). So the sending side is closed first, and input is discarded for a while.
void Connection::linger() {
  socket_.shutdown_send();
  phase_ = Phase::lingering;
  deadline_ = io_thread_.sweep_after(io_thread_.settings().linger_deadline);
}

void Connection::discard_input() {
  ReadBuffer block = io_thread_.take_block();
  Code code;
  socket_.tcp().receive(asio::buffer(block.bytes.get(), block.capacity), 0, code);
  io_thread_.return_block(std::move(block));
  if (code && code != asio::error::would_block) return close();
  wait();
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  if (std::exchange(has_request_, false)) io_thread_.record_abandoned_request();
  client_gone_.request_stop();
  release_stream();
  io_thread_.out().clear();
  socket_.close();
  release_buffer();
  unsent_ = std::string();
  holding_.release();
}

// Where output goes. The replies of one event are sent together; while older output is unsent, new output is
// appended to it.
std::string& Connection::out() { return unsent_.empty() ? io_thread_.out() : unsent_; }

}  // namespace weir::http
