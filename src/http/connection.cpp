#include "http/connection.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <iterator>
#include <poll.h>
#include <utility>

#include "base/ensure.hpp"
#include "http/reply_writer.hpp"

namespace weir::http {

namespace asio = boost::asio;

using Code = boost::system::error_code;
using Step = RequestReader::Step;

namespace {

// A client's own request id is taken if it can stand in a log line as it is.
bool is_sane_id(std::string_view id) {
  return !id.empty() && id.size() <= Connection::request_id_bytes_max &&
         std::all_of(id.begin(), id.end(), [](char letter) { return letter > 0x20 && letter < 0x7f; });
}

}  // namespace

Connection::Connection(IoThread& home, ConnectionId id, asio::ip::tcp::socket socket, std::string peer,
                       ClientTable::Holding holding)
    : home_(home),
      id_(id),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      holding_(std::move(holding)) {}

Connection::~Connection() { close(); }

void Connection::begin() {
  deadline_ = home_.sweep_after(home_.settings().idle_deadline);
  wait();
}

void Connection::reject_overload() {
  deadline_ = home_.sweep_after(home_.settings().linger_deadline);
  refuse({503, "too many connections, try again", "too_many_connections"});
  settle();
}

void Connection::on_readable(const Code& code) {
  waits_to_read_ = false;
  if (code) return close();
  if (phase_ == Phase::lingering) return drop_what_comes();
  if (phase_ == Phase::streaming) return;  // the next request waits until the stream has ended
  if (receive()) return serve();
  wait();
}

void Connection::on_writable(const Code& code) {
  waits_to_write_ = false;
  if (code) return close();
  flush();
  if (unsent_.empty()) return serve();
  wait();
}

void Connection::on_reply(Reply reply) {
  if (phase_ != Phase::answering) return;  // its deadline has passed
  finish(std::move(reply));
  serve();
}

void Connection::on_sweep(std::uint64_t sweep) {
  watch_client();
  if (sweep < deadline_) return;
  const bool can_be_told = unsent_.empty() && (phase_ == Phase::reading || phase_ == Phase::answering);
  if (!can_be_told) return close();
  if (phase_ == Phase::reading)
    refuse({408, "the request took too long to come"});
  else
    refuse({500, "the request took too long to answer",
            "answer_too_late"});  // whatever its route says later, it is unknown
  settle();
}

void Connection::on_stop() {
  if (phase_ == Phase::streaming) return stop_stream();
  // What has only begun to come gets no more time than a last word.
  if (phase_ == Phase::reading)
    deadline_ = std::min(deadline_, home_.sweep_after(home_.settings().linger_deadline));
  if (phase_ != Phase::idle || !unsent_.empty()) return;
  if (receive()) return serve();  // it had come already
  close();
}

void Connection::evict(std::string_view code) {
  const bool can_be_told = unsent_.empty() && (phase_ == Phase::reading || phase_ == Phase::answering);
  if (!can_be_told) return close();
  if (phase_ == Phase::reading)
    refuse({503, "too much is in flight, try again", code});
  else
    refuse({500, "the connection held too much while its request was answered", code});
  settle();
}

void Connection::make_way() {
  if (!is_idle()) return close();
  if (receive()) return serve();  // it had come already
  close();
}

// The socket is not read while a request is answered, so the kernel is asked. A client that has closed its
// sending side only (shutdown) may still read: it has the time between two sweeps, then its question counts
// as given up.
void Connection::watch_client() {
  const bool is_watched =
      phase_ == Phase::streaming || (phase_ == Phase::answering && client_gone_.stop_possible());
  if (!is_watched) return;
  pollfd socket{.fd = socket_.native_handle(), .events = POLLRDHUP, .revents = 0};
  if (poll(&socket, 1, 0) <= 0) return;
  const bool closed = (socket.revents & (POLLERR | POLLHUP)) != 0;
  if (!closed && !std::exchange(sending_ended_, true)) return;
  if (phase_ == Phase::streaming) return close();
  client_gone_.request_stop();
}

// Requests
// -----------------------------------------------------------------------------------------------------

// Reads and answers until something is missing: bytes, a route's reply, or room to write.
void Connection::serve() {
  while (phase_ == Phase::reading && !last_ && unsent_.empty() && at_ < in_.size) {
    if (out().size() >= limits::unsent_replies_bytes_max / 2) {
      flush();  // nothing more is read until the client has taken these replies
      continue;
    }
    const Step step = read_request();
    if (step == Step::more) break;
    if (step == Step::refused)
      refuse({reader_.refusal().status, reader_.refusal().text, {}, reader_.refusal().close});
    else
      answer();
  }
  settle();
}

Step Connection::read_request() {
  if (!head_done_) {
    const Step step = reader_.read_head({in_.bytes.get() + at_, in_.size - at_});
    if (step != Step::done) return step;
    head_done_ = true;
    route_ = home_.router().find(reader_.method(), reader_.path());
    body_bytes_max_ = home_.settings().body_bytes_max;
    if (route_ && route_->body_bytes_max > 0)
      body_bytes_max_ = std::min(body_bytes_max_, route_->body_bytes_max);
    asked_ = {.keep_alive = reader_.keep_alive(),
              .http_10 = reader_.is_http_10(),
              .by_head = reader_.method() == "HEAD",
              .cross_origin = route_ ? route_->cross_origin : home_.router().is_cross_origin(reader_.path()),
              .origin = {},
              .route = route_};
    if (asked_.cross_origin)
      if (const auto origin = reader_.request().header("Origin"))
        asked_.origin = home_.cors().allowed(*origin);
    assign_request_id();
    run_filters();
  }
  return read_body();
}

// Filters see the head only. A client that they refuse must not make the server hold or decompress a body.
void Connection::run_filters() {
  if (!route_ || route_->filters.empty()) return;
  Request& head = reader_.request();
  head.peer = peer_;
  head.request_id = {request_id_.data(), request_id_bytes_};
  head.client_gone = {};
  refused_by_filter_ = home_.run_filters(*route_, head, asked_.reply_headers);
}

Step Connection::read_body() {
  if (refused_by_filter_) {
    if (!reader_.skip_body(in_.size - at_)) asked_.keep_alive = false;
    return Step::done;
  }
  std::span<char> bytes(in_.bytes.get() + at_, in_.size - at_);
  const Step step = reader_.read_body(bytes, body_bytes_max_);
  in_.size = at_ + bytes.size();
  if (step != Step::more) return step;
  if (!route_) {  // a body that is still to come is not worth waiting for
    asked_.keep_alive = false;
    return Step::done;
  }
  if (reader_.expects_continue() && !continue_sent_) {
    out().append("HTTP/1.1 100 Continue\r\n\r\n");
    continue_sent_ = true;
  }
  return step;
}

void Connection::answer() {
  if (refused_by_filter_) {
    Reply reply = *std::exchange(refused_by_filter_, std::nullopt);
    forget_request();
    return finish(std::move(reply));
  }
  Request& request = reader_.request();
  const std::size_t body_bytes = request.body.size();
  account();
  if (!may_hold()) {
    if (phase_ == Phase::closed) return;
    return refuse({503, "too much is in flight, try again", "too_much_held", false});
  }
  if (route_) asked_.since = read_clock().mono;
  request.peer = peer_;
  request.request_id = {request_id_.data(), request_id_bytes_};
  phase_ = Phase::answering;
  sending_ended_ = false;
  client_gone_ = route_ && route_->watch_client ? std::stop_source() : std::stop_source(std::nostopstate);
  request.client_gone = client_gone_.get_token();
  std::optional<Reply> reply = route_ ? home_.ask(id_, *route_, request)
                                      : home_.router().reply_without_route(request.method, request.path);
  forget_request();
  if (reply) return finish(*std::move(reply));
  in_flight_bytes_ = body_bytes;  // its route has a copy; settle() releases ours
}

void Connection::refuse(const Refusal& refusal) {
  if (!head_done_ && phase_ != Phase::answering) make_request_id();
  Reply reply = error_reply(refusal.status, refusal.text);
  if (refusal.status == 503) reply.headers.emplace_back("Retry-After", "1");
  reply.close = refusal.close;
  reply.code = refusal.code;
  if (!head_done_ && phase_ != Phase::answering) asked_ = {};
  forget_request();
  finish(std::move(reply));
}

void Connection::finish(Reply reply) {
  std::ranges::move(asked_.reply_headers, std::back_inserter(reply.headers));
  const bool streamed = reply.stream != nullptr;
  ensure(!streamed || reply.body.empty(), "a streamed reply has no other body");
  last_ = reply.close || !asked_.keep_alive || home_.stopping() || (streamed && asked_.http_10);
  const Now now = read_clock();
  home_.note(asked_.route, reply, {request_id_.data(), request_id_bytes_}, asked_.since, now.mono);
  append_reply(out(), reply,
               {.request_id = {request_id_.data(), request_id_bytes_},
                .date = home_.date(now.wall),
                .without_body = asked_.by_head,
                .http_10 = asked_.http_10,
                .close = last_,
                .streamed = streamed,
                .cross_origin = asked_.cross_origin,
                .allow_origin = asked_.origin});
  in_flight_bytes_ = 0;
  const bool has_body = !asked_.by_head && reply.status != 204 && reply.status != 304;
  if (streamed && has_body) return begin_stream(std::move(reply.stream));
  if (streamed) reply.stream->close();
  finished_one_ = true;
  phase_ = Phase::reading;
}

void Connection::forget_request() {
  at_ += reader_.end();
  reader_.start_over();
  head_done_ = continue_sent_ = false;
  route_ = nullptr;
  refused_by_filter_.reset();
}

void Connection::assign_request_id() {
  const auto own_id = reader_.request().header("X-Request-Id");
  if (own_id && is_sane_id(*own_id))
    request_id_bytes_ = own_id->copy(request_id_.data(), request_id_.size());
  else
    make_request_id();
}

void Connection::make_request_id() {
  const std::uint64_t number = home_.next_request_number();
  constexpr std::size_t digits = 16;
  for (std::size_t digit = 0; digit < digits; ++digit)
    request_id_[digit] = "0123456789abcdef"[(number >> (60 - 4 * digit)) & 15];
  request_id_bytes_ = digits;
}

// What follows
// --------------------------------------------------------------------------------------------------

void Connection::settle() {
  if (phase_ != Phase::closed) flush();
  if (phase_ == Phase::closed) return;
  if (last_ || at_ == in_.size)
    release_inbox();
  else
    keep_rest();
  if (phase_ == Phase::reading && in_.size == 0) phase_ = Phase::idle;
  account();
  set_deadline();
  if (releasable_bytes() > limits::connection_bytes_min && !may_hold()) return evict("too_much_held");
  wait();
}

void Connection::flush() {
  std::string& bytes = out();
  std::size_t sent = unsent_.empty() ? 0 : sent_;
  while (sent < bytes.size()) {
    Code code;
    const std::size_t some = socket_.send(asio::buffer(bytes.data() + sent, bytes.size() - sent), 0, code);
    if (code == asio::error::would_block) break;
    if (code) return close();
    sent += some;
  }
  if (sent == bytes.size()) {
    home_.out().clear();
    unsent_ = std::string();
    sent_ = 0;
  } else if (unsent_.empty()) {
    unsent_.assign(bytes, sent);
    sent_ = 0;
    home_.out().clear();
    home_.note_paused_read();
  } else {
    sent_ = sent;
  }
  if (stream_) update_stream();
}

// A request's time ends when its reply has been sent; only then that of what comes next begins.
void Connection::set_deadline() {
  if (phase_ == Phase::streaming || !finished_one_ || !unsent_.empty()) return;
  finished_one_ = false;
  const ServerSettings& settings = home_.settings();
  deadline_ = home_.sweep_after(phase_ == Phase::idle ? settings.idle_deadline : settings.request_deadline);
}

void Connection::wait() {
  if (phase_ == Phase::closed) return;
  if (!unsent_.empty()) {
    if (!waits_to_write_) home_.wait_writable(socket_, id_);
    waits_to_write_ = true;
    return;
  }
  if (phase_ == Phase::answering || phase_ == Phase::streaming) return;  // until the mailbox brings more
  if ((last_ || (home_.stopping() && phase_ == Phase::idle)) && phase_ != Phase::lingering) linger();
  if (!waits_to_read_) home_.wait_readable(socket_, id_);
  waits_to_read_ = true;
}

// If a socket is closed while bytes have come that nobody read, TCP resets the connection, and the client may
// never see the reply. So our side is closed first, and the rest is read and dropped for a while.
void Connection::linger() {
  Code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  phase_ = Phase::lingering;
  deadline_ = home_.sweep_after(home_.settings().linger_deadline);
}

void Connection::drop_what_comes() {
  ReadBuffer block = home_.take_block();
  Code code;
  socket_.receive(asio::buffer(block.bytes.get(), block.capacity), 0, code);
  home_.give_block(std::move(block));
  if (code && code != asio::error::would_block) return close();
  wait();
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  client_gone_.request_stop();
  release_stream();
  home_.out().clear();
  Code ignored;
  socket_.close(ignored);
  release_inbox();
  unsent_ = std::string();
  holding_.release();
}

// Replies of one event go out together; behind what the socket did not take they queue up.
std::string& Connection::out() { return unsent_.empty() ? home_.out() : unsent_; }

}  // namespace weir::http
