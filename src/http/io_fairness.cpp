// The part of an io thread that closes connections so that the others are served: when too much memory is
// held, when there are too many connections, when there are no file descriptors. All of it runs on the io
// thread, and other io threads ask for it through relieve_soon() and free_descriptor_soon(). What is closed
// first says eviction.hpp.
#include <algorithm>
#include <boost/asio/post.hpp>

#include "http/connection.hpp"
#include "http/io_thread.hpp"

namespace weir::http {

namespace asio = boost::asio;

namespace {

// So many are looked for at a time, because looking for them is linear in the connections.
constexpr std::size_t dispensable_max = 64;

// One writer: no other thread's increment can come in between.
void increase(std::atomic<std::uint64_t>& count) {
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace

void IoThread::note_paused_read() { increase(fairness_.reads_paused); }

void IoThread::note_slow_stream(const std::string& peer) {
  note_eviction(FairnessCounts::stream_bytes, peer);
}

void IoThread::note_eviction(FairnessCounts::Why why, const std::string& peer) {
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
  const auto times = evictions_[why].on_occurrence(read_clock().mono);
  if (!times) return;
  logger_.warn(
      std::string(lines[why].first),
      {{"times", std::to_string(*times)}, {"code", std::string(lines[why].second)}, {"client", peer}});
}

// Memory
// --------------------------------------------------------------------------------------------------------

bool IoThread::relieve(const Connection& asking) {
  if (evicting_) return true;  // `asking` is being closed
  const bool may_stay = evict_holders(&asking);
  if (asking.holding().pressure() == Pressure::none) return may_stay;
  for (IoThread* other : others_) other->relieve_soon();
  return false;
}

void IoThread::relieve_soon() {
  if (asked_to_relieve_.exchange(true, std::memory_order_relaxed)) return;
  asio::post(io_, [this] {
    asked_to_relieve_.store(false, std::memory_order_relaxed);
    (void)evict_holders(nullptr);
  });
}

// False if `asking` is to be closed, which is left to the caller.
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
  evicting_ = true;
  for (const ConnectionId id : greediest_first(std::move(holders))) {
    Connection* one = slots_[id.slot].connection.get();
    const Pressure pressure = one->holding().pressure_above_low_water();
    if (pressure == Pressure::none) continue;
    const bool total = pressure == Pressure::total;
    note_eviction(total ? FairnessCounts::total_bytes : FairnessCounts::address_bytes, one->peer());
    if (one == asking) {
      asking_may_stay = false;
      break;
    }
    evict(id);
  }
  evicting_ = false;
  return asking_may_stay;
}

// Connections and descriptors
// -----------------------------------------------------------------------------------

// True if a connection was closed.
bool IoThread::make_way(std::size_t newcomer_connections, FairnessCounts::Why why) {
  if (evicting_) return false;
  const Newcomer newcomer{newcomer_connections, std::max<std::size_t>(1, connections_max_ / 16)};
  while (true) {
    if (dispensable_.empty()) find_dispensable(newcomer);
    if (dispensable_.empty()) return false;
    const ConnectionId id = dispensable_.back();
    dispensable_.pop_back();
    const auto one = as_open(id.slot);
    if (!one || one->id != id || !is_dispensable(*one, newcomer)) continue;
    const std::string peer = slots_[id.slot].connection->peer();
    const std::size_t open = connections();
    evicting_ = true;
    close_for_another(id);
    evicting_ = false;
    if (connections() == open) continue;  // a request has come meanwhile
    note_eviction(why, peer);
    return true;
  }
}

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

// Nothing if there is none, or if its request is with its route.
std::optional<OpenConnection> IoThread::as_open(std::uint32_t slot) const {
  const Connection* one = slots_[slot].connection.get();
  if (one == nullptr || one->is_answering()) return std::nullopt;
  return OpenConnection{.id = {slot, slots_[slot].generation},
                        .idle = one->is_idle(),
                        .deadline = one->deadline(),
                        .address_connections = one->holding().connections_of_address()};
}

void IoThread::free_descriptor_soon() {
  if (asked_for_descriptor_.exchange(true, std::memory_order_relaxed)) return;
  asio::post(io_, [this] {
    asked_for_descriptor_.store(false, std::memory_order_relaxed);
    (void)make_way(1, FairnessCounts::descriptors);
  });
}

}  // namespace weir::http
