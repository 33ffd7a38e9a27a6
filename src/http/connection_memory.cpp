// The part of a connection that holds bytes: the buffer of the current request, and the count of what is
// held.
//
// An idle connection has no buffer. It receives into a block of the io thread, which is large enough for most
// requests and is returned as soon as they are handled. The rest of an incomplete request moves into a buffer
// of the connection's own. That buffer doubles as bytes arrive, so a client that announces a large body and
// does not send it costs nothing.
#include <algorithm>
#include <boost/asio/error.hpp>
#include <cstring>

#include "http/connection.hpp"

namespace weir::http {

namespace asio = boost::asio;

using Code = boost::system::error_code;

namespace {

constexpr std::size_t own_buffer_bytes_min = 4 * limits::KiB;

}  // namespace

// Receives what the socket has, at most one buffer. Returns true if there are new bytes of a request.
bool Connection::receive() {
  if (phase_ == Phase::idle) {
    in_ = io_thread_.take_block();
    is_block_ = true;
    at_ = 0;
  } else if (!grow_buffer()) {
    refuse({503, "too much is in flight, try again", "too_much_held"});
    finish_event();
    return false;
  }
  Code code;
  const std::size_t some = socket_.receive({in_.bytes.get() + in_.size, in_.capacity - in_.size}, code);
  if (code && code != asio::error::would_block) close();
  if (some == 0) {
    if (phase_ == Phase::idle) release_buffer();
    return false;
  }
  in_.size += some;
  if (phase_ == Phase::idle) {
    phase_ = Phase::reading;
    deadline_ = io_thread_.sweep_after(io_thread_.settings().request_deadline);
  }
  return true;
}

// Doubles the buffer if it is full. Returns false if the connection may not hold more.
bool Connection::grow_buffer() {
  if (in_.size < in_.capacity) return true;
  std::size_t capacity = 2 * in_.capacity;
  if (reader_.bytes_expected() > in_.capacity) capacity = std::min(capacity, reader_.bytes_expected());
  // An incomplete request has at most a head, a body and the header of one chunk.
  if (head_done_) capacity = std::min(capacity, body_bytes_max_ + 2 * limits::header_bytes_max);
  resize_buffer(std::max(capacity, in_.capacity + own_buffer_bytes_min));
  update_holding();
  return is_within_limits();
}

// Keeps the bytes of an incomplete request. They move out of the shared block, and out of a buffer that is
// much too large because an earlier request needed it.
void Connection::keep_unread() {
  const std::size_t rest = in_.size - at_;
  std::size_t capacity = rest + std::max(rest, own_buffer_bytes_min);
  if (reader_.bytes_expected() > rest) capacity = std::min(capacity, reader_.bytes_expected());
  if (is_block_ || in_.capacity / 4 > capacity) return resize_buffer(capacity);
  if (at_ == 0) return;
  std::memmove(in_.bytes.get(), in_.bytes.get() + at_, rest);
  in_.size = rest;
  at_ = 0;
}

// Moves the bytes of the current request into a buffer of that capacity.
void Connection::resize_buffer(std::size_t capacity) {
  ReadBuffer own = ReadBuffer::of(capacity);
  own.size = in_.size - at_;
  std::memcpy(own.bytes.get(), in_.bytes.get() + at_, own.size);
  release_buffer();
  in_ = std::move(own);
}

void Connection::release_buffer() {
  ReadBuffer done = std::exchange(in_, ReadBuffer{});
  if (is_block_) io_thread_.return_block(std::move(done));
  is_block_ = false;
  at_ = 0;
}

std::size_t Connection::releasable_bytes() const {
  return (is_block_ ? 0 : in_.capacity) + reader_.held_bytes() + unsent_.capacity() + socket_.buffer_bytes();
}

void Connection::update_holding() {
  if (holding_.is_small()) holds_since_ = io_thread_.sweeps();
  holding_.resize(releasable_bytes() + handling_bytes_);
}

// Returns false if the connection must release its memory, or is closed: a limit is exceeded, and no other
// connection comes first.
bool Connection::is_within_limits() {
  if (holding_.is_small() || holding_.pressure() == Pressure::none) return true;
  flush();  // others may be closed now, and their last replies use the output of the io thread
  return phase_ != Phase::closed && io_thread_.relieve_pressure(*this);
}

}  // namespace weir::http
