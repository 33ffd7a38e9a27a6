// The part of a connection that holds bytes: the inbox of the request in hand, and the account of what is
// held.
//
// An idle connection has no inbox. Bytes are received into a block of the io thread, which is enough for most
// requests and goes back as soon as they are served. What is left of an unfinished request moves to an inbox
// of the connection's own, which doubles as bytes come.
#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <cstring>

#include "http/connection.hpp"

namespace weir::http {

namespace asio = boost::asio;

using Code = boost::system::error_code;

namespace {

constexpr std::size_t inbox_bytes_min = 4 * limits::KiB;

}  // namespace

// True if bytes of a request have come.
bool Connection::receive() {
  if (phase_ == Phase::idle) {
    in_ = home_.take_block();
    is_block_ = true;
    at_ = 0;
  } else if (!make_room()) {
    refuse({503, "too much is in flight, try again", "too_much_held"});
    settle();
    return false;
  }
  Code code;
  const std::size_t some =
      socket_.receive(asio::buffer(in_.bytes.get() + in_.size, in_.capacity - in_.size), 0, code);
  if (code && code != asio::error::would_block) close();
  if (some == 0) {
    if (phase_ == Phase::idle) release_inbox();
    return false;
  }
  in_.size += some;
  if (phase_ == Phase::idle) {
    phase_ = Phase::reading;
    deadline_ = home_.sweep_after(home_.settings().request_deadline);
  }
  return true;
}

// Doubles a full inbox, so that what a client announces costs nothing before it comes. False if it may not
// hold more.
bool Connection::make_room() {
  if (in_.size < in_.capacity) return true;
  std::size_t capacity = 2 * in_.capacity;
  if (reader_.bytes_expected() > in_.capacity) capacity = std::min(capacity, reader_.bytes_expected());
  // A head, a body, and the header of a chunk are all that an unfinished request can be.
  if (head_done_) capacity = std::min(capacity, body_bytes_max_ + 2 * limits::header_bytes_max);
  resize_inbox(std::max(capacity, in_.capacity + inbox_bytes_min));
  account();
  return may_hold();
}

// The beginning of a request moves out of the thread's block into memory of its own, or out of memory that a
// larger request before it needed.
void Connection::keep_rest() {
  const std::size_t rest = in_.size - at_;
  std::size_t capacity = rest + std::max(rest, inbox_bytes_min);
  if (reader_.bytes_expected() > rest) capacity = std::min(capacity, reader_.bytes_expected());
  if (is_block_ || in_.capacity / 4 > capacity) return resize_inbox(capacity);
  if (at_ == 0) return;
  std::memmove(in_.bytes.get(), in_.bytes.get() + at_, rest);
  in_.size = rest;
  at_ = 0;
}

// Moves the bytes of the request in hand into memory of that capacity.
void Connection::resize_inbox(std::size_t capacity) {
  ReadBuffer own = ReadBuffer::of(capacity);
  own.size = in_.size - at_;
  std::memcpy(own.bytes.get(), in_.bytes.get() + at_, own.size);
  release_inbox();
  in_ = std::move(own);
}

void Connection::release_inbox() {
  ReadBuffer done = std::exchange(in_, ReadBuffer{});
  if (is_block_) home_.give_block(std::move(done));
  is_block_ = false;
  at_ = 0;
}

std::size_t Connection::releasable_bytes() const {
  return (is_block_ ? 0 : in_.capacity) + reader_.held_bytes() + unsent_.capacity();
}

void Connection::account() {
  if (holding_.is_small()) holds_since_ = home_.sweeps();
  holding_.resize(releasable_bytes() + in_flight_bytes_);
}

// False if it must give back what it holds, or is closed: a limit is exceeded, and no other connection can be
// found that should be closed rather than this one.
bool Connection::may_hold() {
  if (holding_.is_small() || holding_.pressure() == Pressure::none) return true;
  flush();  // others may be closed now, and their last replies need the thread's buffer
  return phase_ != Phase::closed && home_.relieve(*this);
}

}  // namespace weir::http
