// The counters are relaxed atomics: each is exact, and a limit may be exceeded for a moment by the bytes that
// several io threads add at the same time.
#include "http/client_table.hpp"

#include <algorithm>

namespace weir::http {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds time_per_closing{100};
constexpr milliseconds wait_free_time{1000};

}  // namespace

ClientTable::Holding ClientTable::open(ClientAddress address) {
  Entries::value_type* entry = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    // A node of a std::map keeps its address, so the Holding may point to it.
    entry = &*entries_.try_emplace(address).first;
    entry->second.connections.fetch_add(1, std::memory_order_relaxed);
  }
  connections_.fetch_add(1, std::memory_order_relaxed);
  Holding holding(*this, *entry);
  holding.resize(0);
  return holding;
}

std::size_t ClientTable::addresses() const {
  const std::scoped_lock lock(mutex_);
  return entries_.size();
}

bool ClientTable::should_trim_memory() {
  const std::size_t now = bytes();
  std::size_t peak = peak_.load(std::memory_order_relaxed);
  if (peak < now + limits::memory_trim_bytes_min) return false;
  // Of several threads that see the fall, one lowers the peak and trims.
  return peak_.compare_exchange_strong(peak, now, std::memory_order_relaxed);
}

void ClientTable::add(Entry& entry, std::size_t bytes) {
  entry.bytes.fetch_add(bytes, std::memory_order_relaxed);
  const std::size_t now = bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  std::size_t peak = peak_.load(std::memory_order_relaxed);
  while (peak < now && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
}

void ClientTable::subtract(Entry& entry, std::size_t bytes) {
  entry.bytes.fetch_sub(bytes, std::memory_order_relaxed);
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

// The last connection of an address removes its entry.
void ClientTable::close(Entries::value_type& entry, std::size_t bytes) {
  subtract(entry.second, bytes);
  connections_.fetch_sub(1, std::memory_order_relaxed);
  const std::scoped_lock lock(mutex_);
  if (entry.second.connections.fetch_sub(1, std::memory_order_relaxed) == 1) entries_.erase(entry.first);
}

ClientTable::Holding& ClientTable::Holding::operator=(Holding&& other) noexcept {
  if (this == &other) return *this;
  release();
  table_ = std::exchange(other.table_, nullptr);
  entry_ = other.entry_;
  counted_ = other.counted_;
  return *this;
}

void ClientTable::Holding::resize(std::size_t bytes) {
  bytes = std::max(bytes, limits::connection_bytes_min);
  if (bytes == counted_) return;
  if (bytes > counted_)
    table_->add(entry_->second, bytes - counted_);
  else
    table_->subtract(entry_->second, counted_ - bytes);
  counted_ = bytes;
}

// Of two threads at the same time, one closing may be lost, which does not matter.
void ClientTable::Holding::record_closing(MonoTime now) {
  auto& until = entry_->second.closings_until;
  const MonoTime before{MonoTime::duration{until.load(std::memory_order_relaxed)}};
  const MonoTime after =
      std::min(std::max(before, now) + time_per_closing, now + wait_free_time + closings_wait_max);
  until.store(after.time_since_epoch().count(), std::memory_order_relaxed);
}

milliseconds ClientTable::Holding::wait_of_newcomer(MonoTime now) const {
  const MonoTime::duration until{entry_->second.closings_until.load(std::memory_order_relaxed)};
  return std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(MonoTime{until} - wait_free_time - now));
}

void ClientTable::Holding::release() {
  if (table_ == nullptr) return;
  std::exchange(table_, nullptr)->close(*entry_, std::exchange(counted_, 0));
}

Pressure ClientTable::Holding::pressure_above(std::size_t numerator, std::size_t denominator) const {
  const Limits& limits = table_->limits_;
  if (table_->bytes() > limits.total_bytes_max / denominator * numerator) return Pressure::total;
  if (bytes_of_address() > limits.address_bytes_max / denominator * numerator) return Pressure::address;
  return Pressure::none;
}

}  // namespace weir::http
