// The part of an io thread that closes connections so that others are served: when clients hold too much
// memory, when too many connections are open, and when no file descriptor is free. eviction.hpp decides which
// ones. It also admits the new connections that had to wait (Connection::begin()).
//
// All of it runs on the io thread. An io thread closes only its own connections; what is not enough, it
// requests from the other io threads by request_relief() and request_descriptor(), which post to them.
#include <algorithm>
#include <boost/asio/post.hpp>

#include "http/connection.hpp"
#include "http/io_thread.hpp"

namespace weir::http {

namespace asio = boost::asio;

namespace {

// Found at one time, because the search is linear in the connections.
constexpr std::size_t dispensable_max = 64;

// Closed in one event for memory, unless more must be closed to get below the limit. Closing a connection
// takes some 100 µs if the kernel has buffered much for it.
constexpr int closed_at_once_max = 2;

// Between two connections that have waited. They become due together, at a sweep; if they were read together,
// other clients would wait.
constexpr std::chrono::milliseconds admission_interval{2};

// A load and a store are enough, because only the io thread writes.
void increase(std::atomic<std::uint64_t>& count) {
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace

void IoThread::count_paused_read() { increase(fairness_.reads_paused); }

void IoThread::count_delayed_newcomer() { increase(fairness_.newcomers_delayed); }

void IoThread::record_slow_stream(const std::string& peer) {
  record_eviction(FairnessCounts::stream_bytes, peer);
}

void IoThread::count_handshake() { increase(handshakes_.completed); }

// A client that only opens and closes a connection, as load balancers do to check the port, is not logged.
void IoThread::record_handshake_failure(tls::HandshakeFailure failure, const std::string& reason,
                                        const std::string& peer) {
  const auto index = std::to_underlying(failure);
  increase(handshakes_.failed[index]);
  if (failure == tls::HandshakeFailure::closed) return;
  const auto times = handshake_logs_[index].on_occurrence(read_clock().mono);
  if (!times) return;
  const bool plain = failure == tls::HandshakeFailure::plain_http;
  logger_.warn(
      plain ? "clients send plain HTTP to the TLS port; they must use https://" : "TLS handshakes failed",
      {{"times", std::to_string(*times)},
       {"code", std::string(tls::failure_name(failure))},
       {"reason", reason},
       {"client", peer}});
}

void IoThread::record_eviction(FairnessCounts::Why why, const std::string& peer) {
  using Line = std::pair<std::string_view, std::string_view>;
  constexpr std::array<Line, FairnessCounts::whys> lines{
      Line{"one client address holds too much memory: its connections that hold most are closed",
           "address_bytes"},
      Line{"all clients together hold too much memory: the connections that hold most are closed",
           "total_bytes"},
      Line{"too many connections are open: one is closed for each new one", "connections"},
      Line{"no file descriptor is free: one connection is closed for each new one", "descriptors"},
      Line{"a client reads its stream too slowly: its connection is closed", "stream_bytes"}};
  increase(fairness_.evicted[why]);
  const auto times = eviction_logs_[why].on_occurrence(read_clock().mono);
  if (!times) return;
  logger_.warn(
      std::string(lines[why].first),
      {{"times", std::to_string(*times)}, {"code", std::string(lines[why].second)}, {"client", peer}});
}

// --- Memory

bool IoThread::relieve_pressure(const Connection& asking) {
  // An evicted connection may send a last reply and then ask itself; the outer call decides.
  if (evicting_) return true;
  const bool may_stay = evict_holders(&asking);
  if (asking.holding().pressure() == Pressure::none) return may_stay;
  for (IoThread* other : others_) other->request_relief();
  return false;
}

void IoThread::request_relief() {
  if (relief_requested_.exchange(true, std::memory_order_relaxed)) return;
  asio::post(io_, [this] {
    relief_requested_.store(false, std::memory_order_relaxed);
    (void)evict_holders(nullptr);
  });
}

// Closes holders until no limit is exceeded, and then further ones down to the low-water mark, so that the
// search does not follow at once. Returns false if `asking` should be closed, too; its caller does that,
// because its function is still running.
bool IoThread::evict_holders(const Connection* asking) {
  std::vector<MemoryHolder> holders;
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    const Connection* one = slots_[slot].connection.get();
    if (one == nullptr || one->releasable_bytes() <= limits::connection_bytes_min) continue;
    holders.push_back({.id = {slot, slots_[slot].generation},
                       .pressure = one->holding().pressure(),
                       .bytes = one->releasable_bytes(),
                       .sweeps = sweeps_ - one->holds_since(),
                       .address_bytes = one->holding().bytes_of_address()});
  }
  bool asking_may_stay = true;
  int closed = 0;
  const MonoTime now = read_clock().mono;
  evicting_ = true;
  for (const ConnectionId id : greediest_first(std::move(holders))) {
    Connection* one = slots_[id.slot].connection.get();
    const Pressure pressure = one->holding().pressure_above_low_water();
    if (pressure == Pressure::none) continue;
    if (++closed > closed_at_once_max && one->holding().pressure() == Pressure::none) break;
    const bool total = pressure == Pressure::total;
    record_eviction(total ? FairnessCounts::total_bytes : FairnessCounts::address_bytes, one->peer());
    one->record_closing(now);
    if (one == asking) {
      asking_may_stay = false;
      break;
    }
    evict(id);
  }
  evicting_ = false;
  return asking_may_stay;
}

// --- Connections and descriptors

void IoThread::admit_later(ConnectionId id) {
  to_admit_.push_back(id);
  if (to_admit_.size() == 1) arm_admission();
}

void IoThread::arm_admission() {
  admission_timer_.expires_after(admission_interval);
  admission_timer_.async_wait([this](const boost::system::error_code& code) {
    if (code) return;
    const ConnectionId id = to_admit_.front();
    to_admit_.pop_front();
    if (!to_admit_.empty()) arm_admission();
    admit(id);
  });
}

// Closes one connection. Returns false if none may be closed for this newcomer.
bool IoThread::close_one_for(std::size_t newcomer_connections, FairnessCounts::Why why) {
  if (evicting_) return false;
  const Newcomer newcomer{newcomer_connections, std::max<std::size_t>(1, settings_.connections_max / 16)};
  while (true) {
    if (dispensable_.empty()) find_dispensable(newcomer);
    if (dispensable_.empty()) return false;
    const ConnectionId id = dispensable_.back();
    dispensable_.pop_back();
    const auto one = as_open(id.slot);
    // It was found earlier and may have changed since.
    if (!one || one->id != id || !is_dispensable(*one, newcomer)) continue;
    const std::string peer = slots_[id.slot].connection->peer();
    const std::size_t open = connections();
    evicting_ = true;
    close_for_newcomer(id);
    evicting_ = false;
    if (connections() == open) continue;  // a request had arrived, so it was served instead
    record_eviction(why, peer);
    return true;
  }
}

// Searches at most once a sweep if the last search found none, because a flood of newcomers must not cause a
// search each.
void IoThread::find_dispensable(const Newcomer& newcomer) {
  if (none_dispensable_at_ == sweeps_ + 1 && newcomer.connections >= none_dispensable_for_) return;
  std::vector<OpenConnection> open;
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot)
    if (const auto one = as_open(slot)) open.push_back(*one);
  dispensable_ = dispensable_first(std::move(open), newcomer, dispensable_max);
  std::ranges::reverse(dispensable_);
  none_dispensable_at_ = dispensable_.empty() ? sweeps_ + 1 : 0;
  none_dispensable_for_ = newcomer.connections;
}

// Returns nothing for a free slot, and for a connection whose request is being handled.
std::optional<OpenConnection> IoThread::as_open(std::uint32_t slot) const {
  const Connection* one = slots_[slot].connection.get();
  if (one == nullptr || one->is_handling()) return std::nullopt;
  return OpenConnection{.id = {slot, slots_[slot].generation},
                        .idle = one->is_idle(),
                        .deadline = one->deadline(),
                        .address_connections = one->holding().connections_of_address()};
}

void IoThread::request_descriptor() {
  if (descriptor_requested_.exchange(true, std::memory_order_relaxed)) return;
  asio::post(io_, [this] {
    descriptor_requested_.store(false, std::memory_order_relaxed);
    (void)close_one_for(1, FairnessCounts::descriptors);
  });
}

}  // namespace weir::http
