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

constexpr std::size_t blocks_kept_max = 16;
constexpr std::size_t out_kept_bytes_max = 4 * limits::unsent_replies_bytes_max;
// Connections above the maximum that are told so at one time; beyond these they are just closed.
constexpr std::size_t turned_away_max = 64;  // and no more than an eighth of the maximum

// A quarter of the shortest deadline, at most a second: deadlines are kept that exactly.
std::chrono::milliseconds sweep_interval(const ServerSettings& settings) {
  const auto shortest =
      std::min({settings.request_deadline, settings.idle_deadline, settings.linger_deadline});
  return std::clamp(shortest / 4, std::chrono::milliseconds(5), std::chrono::milliseconds(1000));
}

std::string address_of(const asio::ip::tcp::endpoint& peer) {
  const asio::ip::address address = peer.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  return address.to_string();
}

}  // namespace

ReadBuffer ReadBuffer::of(std::size_t capacity) {
  return {std::make_unique_for_overwrite<char[]>(capacity + limits::json_slack_bytes), capacity, 0};
}

// IoThread
// ------------------------------------------------------------------------------------------------------

IoThread::IoThread(const ServerSettings& settings, std::size_t connections_max, ClientTable& clients,
                   telemetry::Logger& logger)
    : settings_(settings),
      connections_max_(connections_max),
      clients_(clients),
      logger_(logger),
      cors_(settings.cors_origins),
      // Only this thread touches its sockets and timers; other threads may still post.
      io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO),
      staying_(io_.get_executor()),
      mailbox_(std::make_shared<Mailbox>([this] { asio::post(io_, [this] { deliver_mail(); }); })),
      sweep_timer_(io_),
      sweep_interval_(sweep_interval(settings)) {
  std::random_device random;
  request_number_ = (std::uint64_t{random()} << 32) | random();
}

IoThread::~IoThread() {
  mailbox_->close();
  slots_.clear();  // they give their memory back
}

void IoThread::serve(Tcp::acceptor acceptor, std::vector<Route> routes) {
  acceptor_ = std::move(acceptor);
  router_ = std::make_unique<Router>(std::move(routes));
  counts_ = std::make_unique<RequestCounts>(router_->routes());
}

void IoThread::run() {
  mailbox_->belong_to_this_thread();
  accept();
  io_.run();
  mailbox_->close();
}

void IoThread::begin_stop() {
  asio::post(io_, [this] {
    stopping_ = true;
    Code ignored;
    acceptor_->close(ignored);
    happen_to_all([](Connection& connection) { connection.on_stop(); });
    leave_if_done();
  });
}

void IoThread::cut_off() {
  asio::post(io_, [this] {
    stopping_ = true;
    Code ignored;
    acceptor_->close(ignored);
    cut_ = connections();
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot)
      if (slots_[slot].connection) remove({slot, slots_[slot].generation});
    leave_if_done();
  });
}

void IoThread::leave_if_done() {
  if (!stopping_ || connections() > 0) return;
  sweep_timer_.cancel();
  staying_.reset();
}

// Connections.

void IoThread::accept() {
  acceptor_->async_accept(
      peer_, [this](const Code& code, Tcp::socket socket) { on_accept(code, std::move(socket)); });
}

void IoThread::on_accept(const Code& code, Tcp::socket socket) {
  if (stopping_ || code == asio::error::operation_aborted) return;
  const bool gone_again = code == asio::error::connection_aborted;
  if (code && !gone_again) return on_accept_failed(code);
  if (!code) {
    pause_said_ = false;
    add(std::move(socket));
  }
  accept();
}

// Mostly for want of file descriptors. Accepting again at once would fail again, for ever. So a connection is
// closed that can be spared, which gives one back; if there is none, the next sweep tries.
void IoThread::on_accept_failed(const Code& code) {
  if (!pause_said_) logger_.warn("no further connections for now", {{"reason", code.message()}});
  pause_said_ = true;
  const bool no_descriptor =
      code == asio::error::no_descriptors || code == boost::system::errc::too_many_files_open_in_system;
  if (no_descriptor && make_way(1, FairnessCounts::descriptors)) return accept();
  if (no_descriptor)
    for (IoThread* other : others_) other->free_descriptor_soon();
  accepting_paused_ = true;
  arm_sweep();
}

void IoThread::add(Tcp::socket socket) {
  auto holding = clients_.open(ClientAddress::of(peer_.address()));
  const bool full = connections() >= connections_max_ &&
                    !make_way(holding.connections_of_address(), FairnessCounts::connections);
  const std::size_t open = connections();
  const std::size_t turned_away = std::min(turned_away_max, connections_max_ / 8 + 1);
  if (open >= connections_max_ + turned_away) return;  // and closes it
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  Code ignored;
  socket.non_blocking(true, ignored);
  const ConnectionId id{free_slots_.back(), slots_[free_slots_.back()].generation};
  free_slots_.pop_back();
  slots_[id.slot].connection =
      std::make_unique<Connection>(*this, id, std::move(socket), address_of(peer_), std::move(holding));
  open_.store(open + 1, std::memory_order_relaxed);
  arm_sweep();
  happen(id, [&](Connection& connection) { full ? connection.reject_overload() : connection.begin(); });
}

// An event of a connection, if it is still there; it may be the last one.
template <class Event>
void IoThread::happen(ConnectionId id, Event&& event) {
  if (slots_[id.slot].generation != id.generation || !slots_[id.slot].connection) return;
  Connection& connection = *slots_[id.slot].connection;
  event(connection);
  if (connection.closed()) remove(id);
  if (out_.capacity() > out_kept_bytes_max) out_ = std::string();
}

template <class Event>
void IoThread::happen_to_all(Event&& event) {
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) happen({slot, slots_[slot].generation}, event);
}

void IoThread::evict(ConnectionId id) {
  happen(id, [](Connection& connection) { connection.evict("too_much_held"); });
}

void IoThread::close_for_another(ConnectionId id) {
  happen(id, [](Connection& connection) { connection.make_way(); });
}

void IoThread::remove(ConnectionId id) {
  slots_[id.slot].connection.reset();
  ++slots_[id.slot].generation;
  free_slots_.push_back(id.slot);
  open_.store(connections() - 1, std::memory_order_relaxed);
  leave_if_done();
}

std::optional<Reply> IoThread::ask(ConnectionId id, const Route& route, const Request& request) {
  return Mailbox::call_handler(mailbox_, id, route, request, logger_);
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

void IoThread::note(const Route* route, const Reply& reply, std::string_view request_id,
                    std::optional<MonoTime> since, MonoTime now) {
  counts_->count(route, reply.status);
  if (route && since) counts_->time(*route, now - *since);
  const bool failed = reply.status == 500 || (reply.status == 503 && !reply.code.empty());
  if (failed) say_failure(route, reply, request_id, now);
}

void IoThread::say_failure(const Route* route, const Reply& reply, std::string_view request_id,
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

void IoThread::deliver_mail() {
  Mailbox::Mail mail = mailbox_->take_all();
  for (Mailbox::PendingReply& pending : mail.replies)
    happen(pending.to, [&](Connection& connection) { connection.on_reply(std::move(pending.reply)); });
  for (const ConnectionId id : mail.streams)
    happen(id, [](Connection& connection) { connection.on_stream(); });
}

std::function<void()> IoThread::stream_notifier(ConnectionId id) const {
  return [mailbox = mailbox_, id] { mailbox->notify_stream(id); };
}

void IoThread::count_stream(int change) {
  streams_.store(streams() + static_cast<std::size_t>(change), std::memory_order_relaxed);
}

void IoThread::wait_readable(Tcp::socket& socket, ConnectionId id) {
  socket.async_wait(Tcp::socket::wait_read, [this, id](const Code& code) {
    happen(id, [&](Connection& connection) { connection.on_readable(code); });
  });
}

void IoThread::wait_writable(Tcp::socket& socket, ConnectionId id) {
  socket.async_wait(Tcp::socket::wait_write, [this, id](const Code& code) {
    happen(id, [&](Connection& connection) { connection.on_writable(code); });
  });
}

// Memory.

ReadBuffer IoThread::take_block() {
  if (blocks_.empty()) return ReadBuffer::of(block_bytes);
  ReadBuffer block = std::move(blocks_.back());
  blocks_.pop_back();
  return block;
}

void IoThread::give_block(ReadBuffer block) {
  block.size = 0;
  if (blocks_.size() < blocks_kept_max) blocks_.push_back(std::move(block));
}

// Deadlines.

std::uint64_t IoThread::sweep_after(std::chrono::milliseconds time) const {
  // The sweep that is under way counts for nothing: it may be over at once.
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
  happen_to_all([this](Connection& connection) { connection.on_sweep(sweeps_); });
  if (std::exchange(accepting_paused_, false) && !stopping_) accept();
  if (clients_.is_fall_due()) ::malloc_trim(0);
  if (connections() > 0 || accepting_paused_) arm_sweep();  // idle is idle
}

}  // namespace weir::http
