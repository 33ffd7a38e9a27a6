// How a connection handles an event, on its io thread:
//
//   1. The event's function receives bytes (on_readable), sends bytes (on_writable) or writes a reply
//      (on_reply).
//   2. serve() reads and handles complete requests, one after the other, until bytes, a reply or space in the
//      socket are missing. Handlers that reply at once never leave this loop.
//   3. finish_event() sends the replies of the event in one system call and releases memory that is not
//      needed. Then it waits for the next event.
//
// Between two events an idle connection holds nothing but its socket and this object. Further parts:
// connection_output.cpp (step 3), connection_memory.cpp (buffers), connection_stream.cpp (streams).
#include "http/connection.hpp"

#include <algorithm>
#include <iterator>
#include <poll.h>
#include <utility>

#include "base/ensure.hpp"
#include "base/hex.hpp"
#include "base/text.hpp"
#include "http/partial_head.hpp"
#include "http/reply_writer.hpp"

namespace weir::http {

using Code = boost::system::error_code;
using Step = RequestReader::Step;

namespace {

// A client's own request id is used if it can be written into a log line and a header unchanged.
bool is_valid_request_id(std::string_view id) {
  return !id.empty() && id.size() <= Connection::request_id_bytes_max && is_visible_ascii(id);
}

}  // namespace

Connection::Connection(IoThread& io_thread, ConnectionId id, ClientSocket socket, const IpAddress& peer,
                       ClientTable::Holding holding)
    : io_thread_(io_thread), id_(id), socket_(std::move(socket)), peer_(peer), holding_(std::move(holding)) {}

Connection::~Connection() { close(); }

// --- Events

void Connection::begin() {
  const auto wait_time = holding_.wait_of_newcomer(read_clock().mono);
  if (wait_time.count() == 0) return admit();
  phase_ = Phase::waiting;
  deadline_ = io_thread_.sweep_after(wait_time);
  update_holding();  // with the memory of a TLS session
  io_thread_.count_delayed_newcomer();
}

void Connection::admit() {
  phase_ = Phase::idle;
  if (socket_.tls()) return begin_handshake();
  resume();
}

void Connection::resume() {
  deadline_ = io_thread_.sweep_after(io_thread_.settings().idle_deadline);
  wait();
}

void Connection::hand_over() {
  next_thread_->adopt({socket_.release(), peer_, std::move(holding_)});
  phase_ = Phase::closed;
}

void Connection::reject_overload() {
  if (socket_.tls() && !std::exchange(is_rejected_, true)) return begin_handshake();
  deadline_ = io_thread_.sweep_after(io_thread_.settings().linger_deadline);
  refuse({503, "too many connections, try again", "too_many_connections"});
  finish_event();
}

void Connection::on_readable(const Code& code) {
  waits_to_read_ = false;
  if (code) return close();
  if (phase_ == Phase::handshaking) return continue_handshake();
  if (phase_ == Phase::lingering) return discard_input();
  if (phase_ == Phase::streaming) return;  // the next request waits until the stream has ended
  if (receive()) return serve();
  if (socket_.tls() && phase_ != Phase::closed) return finish_event();  // a part of a record counts, too
  wait();
}

void Connection::on_writable(const Code& code) {
  waits_to_write_ = false;
  if (code) return close();
  if (phase_ == Phase::handshaking) return continue_handshake();
  if (socket_.waits_to_write() && unsent_.empty()) return on_readable({});
  flush();
  if (unsent_.empty()) return serve();
  wait();
}

void Connection::on_reply(Reply reply) {
  if (phase_ != Phase::handling) return;  // too late: its deadline has passed
  write_reply(std::move(reply));
  serve();
}

void Connection::on_sweep(std::uint64_t sweep) {
  watch_client();
  if (sweep < deadline_) return;
  if (phase_ == Phase::waiting) {
    deadline_ = no_deadline;
    return io_thread_.admit_later(id_);
  }
  if (phase_ == Phase::handshaking) return fail_handshake(tls::HandshakeFailure::timeout);
  if (!can_refuse()) return close();
  if (phase_ == Phase::reading)
    refuse({408, "the request took too long to come"});
  else
    // The handler may still succeed, so the outcome is unknown: 500, not 503.
    refuse({500, "the request took too long to answer", "handler_timeout"});
  finish_event();
}

void Connection::on_stop() {
  if (phase_ == Phase::streaming) return stop_stream();
  // An incomplete request gets only a little more time.
  if (phase_ == Phase::reading)
    deadline_ = std::min(deadline_, io_thread_.sweep_after(io_thread_.settings().linger_deadline));
  if (phase_ == Phase::waiting || phase_ == Phase::handshaking) return close();
  if (phase_ != Phase::idle || !unsent_.empty()) return;
  if (receive()) return serve();  // a request had arrived before the stop
  close();
}

void Connection::evict(std::string_view code) {
  if (!can_refuse()) return close();
  if (phase_ == Phase::reading)
    refuse({503, "too much is in flight, try again", code});
  else
    refuse({500, "the connection held too much while its request was answered", code});
  finish_event();
}

void Connection::close_for_newcomer() {
  if (!is_idle()) return close();
  if (receive()) return serve();  // a request has arrived since it was chosen
  close();
}

// Whether an error reply can be sent now. A reply that is partly sent cannot be replaced by another one.
bool Connection::can_refuse() const {
  return unsent_.empty() && (phase_ == Phase::reading || phase_ == Phase::handling);
}

// Nothing is read from the socket meanwhile, so the kernel is asked whether the client has closed. A client
// that has only closed its sending side (shutdown) may still read: it gets the time between two sweeps, then
// it counts as gone.
void Connection::watch_client() {
  const bool is_watched =
      phase_ == Phase::streaming || (phase_ == Phase::handling && client_gone_.stop_possible());
  if (!is_watched) return;
  pollfd socket{.fd = socket_.tcp().native_handle(), .events = POLLRDHUP, .revents = 0};
  if (poll(&socket, 1, 0) <= 0) return;
  const bool closed = (socket.revents & (POLLERR | POLLHUP)) != 0;
  if (!closed && !std::exchange(half_closed_, true)) return;
  if (phase_ == Phase::streaming) return close();
  client_gone_.request_stop();
}

// --- Requests

// Reads and handles requests until something is missing: bytes, a handler's reply, or space to write.
void Connection::serve() {
  while (phase_ == Phase::reading && !close_after_reply_ && unsent_.empty() && at_ < in_.size) {
    if (out().size() >= limits::unsent_replies_bytes_max / 2) {
      flush();  // if the socket does not accept all replies, the loop ends
      continue;
    }
    const Step step = read_request();
    if (step == Step::more) break;
    if (step == Step::refused)
      refuse({reader_.refusal().status, reader_.refusal().text, {}, reader_.refusal().close});
    else
      handle_request();
  }
  finish_event();
}

Step Connection::read_request() {
  if (!head_done_) {
    const Step step = reader_.read_head({in_.bytes.get() + at_, in_.size - at_});
    if (step != Step::done) return step;
    head_done_ = true;
    begin_request();
    on_head();
  }
  return read_body();
}

// Decides everything that does not depend on the body.
void Connection::on_head() {
  route_ = io_thread_.router().find(reader_.method(), reader_.path());
  body_bytes_max_ = io_thread_.settings().body_bytes_max;
  if (route_ && route_->body_bytes_max > 0)
    body_bytes_max_ = std::min(body_bytes_max_, route_->body_bytes_max);
  traits_ = {
      .keep_alive = reader_.keep_alive(),
      .http_10 = reader_.is_http_10(),
      .is_head = reader_.method() == "HEAD",
      .cross_origin = route_ ? route_->cross_origin : io_thread_.router().is_cross_origin(reader_.path()),
      .origin = {},
      .route = route_};
  if (traits_.cross_origin)
    if (const auto origin = reader_.request().header("Origin"))
      traits_.origin = io_thread_.cors().allowed(*origin);
  assign_request_id();
  run_filters();
}

// Filters see the head only. A client that they refuse must not make the server hold or decompress a body.
void Connection::run_filters() {
  if (!route_ || route_->filters.empty()) return;
  Request& head = reader_.request();
  head.peer = peer_;
  head.request_id = {request_id_.data(), request_id_bytes_};
  head.client_gone = {};
  refused_by_filter_ = io_thread_.run_filters(*route_, head, traits_.reply_headers);
}

Step Connection::read_body() {
  if (refused_by_filter_) {
    if (!reader_.skip_body(in_.size - at_)) traits_.keep_alive = false;
    return Step::done;
  }
  std::span<char> bytes(in_.bytes.get() + at_, in_.size - at_);
  const Step step = reader_.read_body(bytes, body_bytes_max_);
  in_.size = at_ + bytes.size();
  if (step != Step::more) return step;
  if (!route_) {  // replies at once and closes, instead of waiting for the rest of the body
    traits_.keep_alive = false;
    return Step::done;
  }
  if (reader_.expects_continue() && !continue_sent_) {
    out().append("HTTP/1.1 100 Continue\r\n\r\n");
    continue_sent_ = true;
  }
  return step;
}

void Connection::handle_request() {
  if (refused_by_filter_) {
    Reply reply = *std::exchange(refused_by_filter_, std::nullopt);
    reset_request();
    return write_reply(std::move(reply));
  }
  Request& request = reader_.request();
  const std::size_t body_bytes = request.body.size();
  update_holding();
  if (!is_within_limits()) {
    if (phase_ == Phase::closed) return;
    return refuse({503, "too much is in flight, try again", "too_much_held", false});
  }
  if (route_) traits_.since = read_clock().mono;
  request.peer = peer_;
  request.request_id = {request_id_.data(), request_id_bytes_};
  phase_ = Phase::handling;
  half_closed_ = false;
  client_gone_ = route_ && route_->watch_client ? std::stop_source() : std::stop_source(std::nostopstate);
  request.client_gone = client_gone_.get_token();
  std::optional<Reply> reply = route_
                                   ? io_thread_.call_handler(id_, *route_, request)
                                   : io_thread_.router().reply_without_route(
                                         request.method, request.path, request.header("origin").has_value());
  reset_request();
  if (reply) return write_reply(*std::move(reply));
  handling_bytes_ = body_bytes;  // the handler has a copy; finish_event() releases the buffer
}

// From here to write_reply() or close(), the request is in flight.
void Connection::begin_request() {
  has_request_ = true;
  io_thread_.record_request();
}

void Connection::refuse(const Refusal& refusal) {
  if (!head_done_ && phase_ != Phase::handling) {  // the head was refused, or is not complete
    begin_request();
    make_request_id();
    traits_ = {};
    allow_origin_of_partial_head();
  }
  Reply reply = error_reply(refusal.status, refusal.text);
  if (refusal.status == 503) reply.headers.emplace_back("Retry-After", "1");
  reply.close = refusal.close;
  reply.code = refusal.code;
  reset_request();
  write_reply(std::move(reply));
}

// The scripts of a web page can read an error only if the reply allows their origin. So the reply to a head
// that was refused allows it too, as far as path and Origin are among the bytes.
void Connection::allow_origin_of_partial_head() {
  const PartialHead head = read_partial_head({in_.bytes.get() + at_, in_.size - at_});
  traits_.cross_origin = !head.path.empty() && io_thread_.router().is_cross_origin(head.path);
  if (traits_.cross_origin) traits_.origin = io_thread_.cors().allowed(head.origin);
}

// Ends the current request with this reply. Its stream, if it has one, follows.
void Connection::write_reply(Reply reply) {
  const bool streamed = reply.stream != nullptr;
  ensure(!streamed || reply.body.empty(), "a streamed reply has no other body");
  std::ranges::move(traits_.reply_headers, std::back_inserter(reply.headers));
  close_after_reply_ =
      reply.close || !traits_.keep_alive || io_thread_.stopping() || (streamed && traits_.http_10);
  const Now now = read_clock();
  has_request_ = false;
  io_thread_.record_outcome(traits_.route, reply, {request_id_.data(), request_id_bytes_}, traits_.since,
                            now.mono);
  append_reply(out(), reply,
               {.request_id = {request_id_.data(), request_id_bytes_},
                .date = io_thread_.date(now.wall),
                .without_body = traits_.is_head,
                .http_10 = traits_.http_10,
                .close = close_after_reply_,
                .streamed = streamed,
                .cross_origin = traits_.cross_origin,
                .allow_origin = traits_.origin});
  handling_bytes_ = 0;
  const bool has_body = !traits_.is_head && reply.status != 204 && reply.status != 304;
  if (streamed && has_body) return begin_stream(std::move(reply.stream));
  if (streamed) reply.stream->close();
  reply_finished_ = true;
  phase_ = Phase::reading;
}

void Connection::reset_request() {
  at_ += reader_.end();
  reader_.reset();
  head_done_ = continue_sent_ = false;
  route_ = nullptr;
  refused_by_filter_.reset();
}

void Connection::assign_request_id() {
  const auto own_id = reader_.request().header("X-Request-Id");
  if (own_id && is_valid_request_id(*own_id))
    request_id_bytes_ = own_id->copy(request_id_.data(), request_id_.size());
  else
    make_request_id();
}

void Connection::make_request_id() {
  const std::uint64_t number = io_thread_.next_request_number();
  constexpr std::size_t digits = 16;
  for (std::size_t digit = 0; digit < digits; ++digit)
    request_id_[digit] = hex_digits[(number >> (60 - 4 * digit)) & 15];
  request_id_bytes_ = digits;
}

}  // namespace weir::http
