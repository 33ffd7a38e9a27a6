// Everything here runs on the io thread, except the functions that post to it: begin_stop, close_all, and
// those of io_joining.cpp and io_fairness.cpp.
//
// Asio calls back for one event at a time: a socket is ready, a connection was accepted, the sweep timer has
// expired, or another thread has posted. dispatch() passes the event to its connection, which reads, replies
// and then waits for the next event, all without blocking. If the event closes the connection, dispatch()
// destroys it. So a connection never destroys itself while its own function is running.
//
// To stop: begin_stop() closes the listener and tells each connection; the last connection that closes
// releases `work_`, and run() returns. close_all() closes those that are left.
#include "http/io_thread.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <malloc.h>
#include <random>

#include "http/connection.hpp"

namespace weir::http {

namespace asio = boost::asio;

using Code = boost::system::error_code;

namespace {

constexpr std::size_t blocks_kept_max = 16;  // the number of free read buffers
constexpr std::size_t out_kept_bytes_max = 4 * limits::unsent_replies_bytes_max;
// Connections above the maximum that get a 503 at the same time, and at most an eighth of the maximum.
// Further ones are closed without a reply.
constexpr std::size_t rejected_connections_max = 64;

// The precision of all deadlines: a quarter of the shortest one, at most one second.
std::chrono::milliseconds sweep_interval(const ServerSettings& settings) {
  const auto shortest = std::min({settings.request_deadline, settings.idle_deadline, settings.linger_deadline,
                                  settings.handshake_deadline});
  return std::clamp(shortest / 4, std::chrono::milliseconds(5), std::chrono::milliseconds(1000));
}

// The zone of a link-local address is left out.
IpAddress address_of(const asio::ip::address& peer) {
  if (peer.is_v4()) return IpAddress::of_v4(peer.to_v4().to_uint());
  return {.bytes = peer.to_v6().to_bytes()};
}

}  // namespace

ReadBuffer ReadBuffer::of(std::size_t capacity) {
  return {std::make_unique_for_overwrite<char[]>(capacity + limits::json_slack_bytes), capacity, 0};
}

IoThread::IoThread(const ServerSettings& settings, ClientTable& clients, const Published<CorsPolicy>& cors,
                   telemetry::Logger& logger)
    : settings_(settings),
      clients_(clients),
      logger_(logger),
      cors_(cors),
      // Only this thread uses its sockets and timers, so Asio needs no locks for them. Posting stays
      // thread-safe.
      io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO),
      work_(io_.get_executor()),
      mailbox_(std::make_shared<Mailbox>([this] { asio::post(io_, [this] { deliver_mail(); }); })),
      admission_timer_(io_),
      sweep_timer_(io_),
      sweep_interval_(sweep_interval(settings)) {
  // A random start, so that request ids of two processes differ.
  std::random_device random;
  request_number_ = (std::uint64_t{random()} << 32) | random();
}

IoThread::~IoThread() {
  mailbox_->close();
  slots_.clear();  // connections return their memory and end their streams
}

void IoThread::serve(Tcp::acceptor acceptor, std::vector<Route> routes, IoTask* task) {
  task_ = task;
  acceptor_ = std::move(acceptor);
  router_ = std::make_unique<Router>(std::move(routes));
  counts_ = std::make_unique<RequestCounts>(router_->routes());
}

void IoThread::run() {
  mailbox_->belong_to_this_thread();
  if (task_ != nullptr) task_->start(io_);
  io_.run();
  mailbox_->close();
}

void IoThread::begin_stop() {
  asio::post(io_, [this] {
    accept_rest();
    // A connection may have been accepted whose on_accept() is still to come.
    asio::post(io_, [this] {
      stopping_ = true;
      Code ignored;
      acceptor_->close(ignored);
      dispatch_to_all([](Connection& connection) { connection.on_stop(); });
      finish_if_stopped();
    });
  });
}

void IoThread::close_all() {
  asio::post(io_, [this] {
    stopping_ = true;
    Code ignored;
    acceptor_->close(ignored);
    connections_cut_ = connections();
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot)
      if (slots_[slot].connection) remove({slot, slots_[slot].generation});
    finish_if_stopped();
  });
}

void IoThread::finish_if_stopped() {
  if (!stopping_ || connections() > 0) return;
  sweep_timer_.cancel();
  admission_timer_.cancel();
  work_.reset();
  if (IoTask* const task = std::exchange(task_, nullptr)) task->stop();
}

// --- Connections

void IoThread::accept() {
  if (!accepts_) return;
  acceptor_->async_accept(
      peer_, [this](const Code& code, Tcp::socket socket) { on_accept(code, std::move(socket)); });
}

void IoThread::on_accept(const Code& code, Tcp::socket socket) {
  if (stopping_ || code == asio::error::operation_aborted) return;
  const bool closed_again = code == asio::error::connection_aborted;
  if (code && !closed_again) return on_accept_failed(code);
  if (!code) {
    pause_logged_ = false;
    add(std::move(socket));
  }
  accept();
}

// Accepts what has connected before the stop. The kernel resets what is left when the listener closes, and
// its requests with it.
void IoThread::accept_rest() {
  if (!std::exchange(accepts_, false)) return;
  Code code;
  acceptor_->cancel(code);
  acceptor_->non_blocking(true, code);
  while (!code) {
    Tcp::socket socket = acceptor_->accept(peer_, code);
    if (!code) add(std::move(socket));
  }
}

// Usually there is no free file descriptor. Accepting again at once would fail again, in a busy loop. So an
// idle connection is closed, which frees one; if there is none, accepting pauses until the next sweep.
void IoThread::on_accept_failed(const Code& code) {
  if (!pause_logged_)
    logger_.warn("cannot accept connections; accepting pauses for up to a second",
                 {{"reason", code.message()}});
  pause_logged_ = true;
  const bool no_descriptor =
      code == asio::error::no_descriptors || code == boost::system::errc::too_many_files_open_in_system;
  if (no_descriptor && close_one_for(1, FairnessCounts::descriptors)) return accept();
  if (no_descriptor)
    for (IoThread* other : others_) other->request_descriptor();
  accepting_paused_ = true;
  arm_sweep();
}

void IoThread::add(Tcp::socket socket) {
  const IpAddress peer = address_of(peer_.address());
  auto holding = clients_.open(ClientAddress::of(peer));
  const std::size_t connections_max = settings_.connections_max;
  const bool full = clients_.connections() > connections_max &&
                    !close_one_for(holding.connections_of_address(), FairnessCounts::connections);
  const std::size_t rejected_max = std::min(rejected_connections_max, connections_max / 8 + 1);
  if (clients_.connections() > connections_max + rejected_max) return;  // closes the socket
  Code ignored;
  socket.non_blocking(true, ignored);
  const ConnectionId id = place(secured(std::move(socket)), peer, std::move(holding));
  dispatch(id, [&](Connection& connection) { full ? connection.reject_overload() : connection.begin(); });
}

ConnectionId IoThread::place(ClientSocket socket, const IpAddress& peer, ClientTable::Holding holding) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const ConnectionId id{free_slots_.back(), slots_[free_slots_.back()].generation};
  free_slots_.pop_back();
  slots_[id.slot].connection =
      std::make_unique<Connection>(*this, id, std::move(socket), peer, std::move(holding));
  open_.store(connections() + 1, std::memory_order_relaxed);
  arm_sweep();
  return id;
}

ClientSocket IoThread::secured(Tcp::socket socket) const {
  std::unique_ptr<tls::Session> session;
  if (settings_.identity != nullptr) session = settings_.identity->accept(socket.native_handle());
  return {std::move(socket), std::move(session)};
}

template <class Event>
void IoThread::dispatch(ConnectionId id, Event&& event) {
  if (slots_[id.slot].generation != id.generation || !slots_[id.slot].connection) return;
  Connection& connection = *slots_[id.slot].connection;
  event(connection);
  if (connection.is_leaving() && !stopping_ && !evicting_) [[unlikely]]
    connection.hand_over();
  if (connection.closed()) remove(id);
  if (out_.capacity() > out_kept_bytes_max) out_ = std::string();
}

template <class Event>
void IoThread::dispatch_to_all(Event&& event) {
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) dispatch({slot, slots_[slot].generation}, event);
}

void IoThread::evict(ConnectionId id) {
  dispatch(id, [](Connection& connection) { connection.evict("too_much_held"); });
}

void IoThread::resume(ConnectionId id) {
  dispatch(id, [](Connection& connection) { connection.resume(); });
}

void IoThread::admit(ConnectionId id) {
  dispatch(id, [](Connection& connection) { connection.admit(); });
}

void IoThread::close_for_newcomer(ConnectionId id) {
  dispatch(id, [](Connection& connection) { connection.close_for_newcomer(); });
}

void IoThread::remove(ConnectionId id) {
  slots_[id.slot].connection.reset();
  ++slots_[id.slot].generation;
  free_slots_.push_back(id.slot);
  open_.store(connections() - 1, std::memory_order_relaxed);
  finish_if_stopped();
}

std::optional<Reply> IoThread::call_handler(ConnectionId id, const Route& route, const Request& request) {
  std::optional<Reply> reply = Mailbox::call_handler(mailbox_, id, route, request, logger_);
  if (!reply) in_flight_.store(in_flight() + 1, std::memory_order_relaxed);
  return reply;
}

std::optional<Reply> IoThread::run_filters(const Route& route, const Request& head,
                                           HeaderList& reply_headers) {
  try {
    for (const Filter& filter : route.filters)
      if (auto refused = filter(head, reply_headers)) return refused;
    return std::nullopt;
  } catch (const std::exception& why) {
    logger_.error("a request's filter failed", {{"request_id", std::string(head.request_id)},
                                                {"route", route.method + " " + route.path},
                                                {"reason", why.what()}});
  }
  Reply reply = error_reply(500, "the request could not be checked");
  reply.code = "filter_failed";
  return reply;
}

void IoThread::record_outcome(const Route* route, const Reply& reply, std::string_view request_id,
                              std::optional<MonoTime> since, MonoTime now) {
  counts_->count(route, reply.status);
  if (route && since) counts_->time(*route, now - *since);
  // A 503 without a code is a normal result (Reply::code).
  const bool failed = reply.status == 500 || (reply.status == 503 && !reply.code.empty());
  if (failed) log_failure(route, reply, request_id, now);
}

void IoThread::log_failure(const Route* route, const Reply& reply, std::string_view request_id,
                           MonoTime now) {
  const auto times = failures_[{reply.status, reply.code}].on_occurrence(now);
  if (!times) return;
  logger_.write(reply.status == 500 ? telemetry::Severity::error : telemetry::Severity::warn,
                "requests were answered with " + std::to_string(reply.status),
                {{"times", std::to_string(*times)},
                 {"code", std::string(reply.code.empty() ? "unspecified" : reply.code)},
                 {"route", route ? route->method + " " + route->path : "other"},
                 {"request_id", std::string(request_id)}});
}

// Replies first: they attach the streams whose notices follow.
void IoThread::deliver_mail() {
  Mailbox::Mail mail = mailbox_->take_all();
  in_flight_.store(in_flight() - mail.replies.size(), std::memory_order_relaxed);
  for (Mailbox::PendingReply& pending : mail.replies)
    dispatch(pending.to, [&](Connection& connection) { connection.on_reply(std::move(pending.reply)); });
  for (const ConnectionId id : mail.streams)
    dispatch(id, [](Connection& connection) { connection.on_stream(); });
}

std::function<void()> IoThread::stream_notifier(ConnectionId id) const {
  return [mailbox = mailbox_, id] { mailbox->notify_stream(id); };
}

void IoThread::count_stream(int change) {
  streams_.store(streams() + static_cast<std::size_t>(change), std::memory_order_relaxed);
}

void IoThread::wait_readable(Tcp::socket& socket, ConnectionId id) {
  socket.async_wait(Tcp::socket::wait_read, [this, id](const Code& code) {
    dispatch(id, [&](Connection& connection) { connection.on_readable(code); });
  });
}

void IoThread::wait_writable(Tcp::socket& socket, ConnectionId id) {
  socket.async_wait(Tcp::socket::wait_write, [this, id](const Code& code) {
    dispatch(id, [&](Connection& connection) { connection.on_writable(code); });
  });
}

void IoThread::notify_readable(ConnectionId id) {
  asio::post(io_, [this, id] { dispatch(id, [](Connection& connection) { connection.on_readable({}); }); });
}

// --- Memory

ReadBuffer IoThread::take_block() {
  if (blocks_.empty()) return ReadBuffer::of(block_bytes);
  ReadBuffer block = std::move(blocks_.back());
  blocks_.pop_back();
  return block;
}

void IoThread::return_block(ReadBuffer block) {
  block.size = 0;
  if (blocks_.size() < blocks_kept_max) blocks_.push_back(std::move(block));
}

// --- Deadlines

std::uint64_t IoThread::sweep_after(std::chrono::milliseconds time) const {
  // One more, because the current interval may end at once.
  return sweeps_ + 1 +
         static_cast<std::uint64_t>((time + sweep_interval_ - std::chrono::milliseconds(1)) /
                                    sweep_interval_);
}

void IoThread::arm_sweep() {
  if (sweep_armed_) return;
  sweep_armed_ = true;
  sweep_timer_.expires_after(sweep_interval_);
  sweep_timer_.async_wait([this](const Code& code) {
    sweep_armed_ = false;
    if (!code) sweep();
  });
}

void IoThread::sweep() {
  ++sweeps_;
  dispatch_to_all([this](Connection& connection) { connection.on_sweep(sweeps_); });
  if (std::exchange(accepting_paused_, false) && !stopping_) accept();
  if (clients_.should_trim_memory()) ::malloc_trim(0);
  if (on_saturated_ && load_.observe(read_thread_times(), read_clock().mono)) on_saturated_();
  if (connections() > 0 || accepting_paused_) arm_sweep();  // without connections the thread sleeps
}

}  // namespace weir::http
