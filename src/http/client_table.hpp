// Counts the bytes that connected clients hold in this process, by client address and in total (contract §3,
// Fairness).
//
// A client address is an IPv4 address or an IPv6 /64 (base/ip_address.hpp). Each connection counts with the
// bytes that it holds, and at least with limits::connection_bytes_min. So a connection that holds less never
// touches the shared counters while it is open. A request smaller than that is never refused for memory.
//
// Clients whose connections are closed for memory usually connect again at once. So the table also counts
// these closings of each address, and lets its new connections wait. Otherwise the same few clients would
// take most of the CPU time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

#include "base/clock.hpp"
#include "base/ip_address.hpp"
#include "base/limits.hpp"

namespace weir::http {

// The limit that is exceeded.
enum class Pressure : std::uint8_t { none, address, total };

// Shared by all io threads. Thread-safe: one mutex, taken when a connection opens and when it closes; all
// other counting is atomic. The map is a tree, so a client cannot choose addresses that make it slow. Must
// outlive its Holdings.
class ClientTable {
 public:
  struct Limits {
    std::size_t address_bytes_max = limits::address_held_bytes_max;
    std::size_t total_bytes_max = limits::held_bytes_max;
  };

  class Holding;

  explicit ClientTable(Limits limits) : limits_(limits) {}
  ClientTable(const ClientTable&) = delete;
  ClientTable& operator=(const ClientTable&) = delete;

  // Adds one connection of `address`.
  [[nodiscard]] Holding open(ClientAddress address);

  // Returns the number of connections of all addresses.
  [[nodiscard]] std::size_t connections() const { return connections_.load(std::memory_order_relaxed); }
  // Returns the bytes that all connections hold.
  [[nodiscard]] std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // Returns the number of addresses with an open connection.
  [[nodiscard]] std::size_t addresses() const;

  // Returns true once after bytes() has fallen by limits::memory_trim_bytes_min from its peak. The caller
  // then returns free memory to the system.
  [[nodiscard]] bool should_trim_memory();

 private:
  struct Entry {
    std::atomic<std::size_t> bytes{0};
    std::atomic<std::size_t> connections{0};
    // The theoretical arrival time of a GCRA rate limiter (as in access/), over the closings so far. It is
    // forgotten with the address, when its last connection closes.
    std::atomic<MonoTime::rep> closings_until{0};
  };
  using Entries = std::map<ClientAddress, Entry>;

  void add(Entry& entry, std::size_t bytes);
  void subtract(Entry& entry, std::size_t bytes);
  void close(Entries::value_type& entry, std::size_t bytes);

  const Limits limits_;
  std::atomic<std::size_t> connections_{0};
  std::atomic<std::size_t> bytes_{0};
  std::atomic<std::size_t> peak_{0};  // of bytes_, since should_trim_memory() last returned true
  mutable std::mutex mutex_;          // guards the shape of the tree; the counters of an entry are atomic
  Entries entries_;
};

// One connection's share of the table. Movable, not thread-safe. Its destructor removes the connection.
class ClientTable::Holding {
 public:
  Holding() = default;
  Holding(Holding&& other) noexcept
      : table_(std::exchange(other.table_, nullptr)), entry_(other.entry_), counted_(other.counted_) {}
  Holding& operator=(Holding&& other) noexcept;
  ~Holding() { release(); }

  // Sets the bytes that the connection holds.
  void resize(std::size_t bytes);
  // Removes the connection from the table. Nothing else may be called after that.
  void release();

  // Returns the limit that the connection's address, or all addresses together, exceed; `total` if both.
  [[nodiscard]] Pressure pressure() const { return pressure_above(1, 1); }
  // The same with 7/8 of the limits. Once a limit is exceeded, connections are closed down to this level.
  [[nodiscard]] Pressure pressure_above_low_water() const { return pressure_above(7, 8); }

  // A connection of the address is closed because it holds too much.
  void record_closing(MonoTime now);
  // Returns how long a new connection of the address waits until it is read: 0 if at most 10 connections of
  // the address, and 10 more each second, were closed; else up to closings_wait_max.
  [[nodiscard]] std::chrono::milliseconds wait_of_newcomer(MonoTime now) const;
  static constexpr std::chrono::milliseconds closings_wait_max{8000};

  // Returns whether the connection holds at most the minimum that counts.
  [[nodiscard]] bool is_small() const { return counted_ <= limits::connection_bytes_min; }
  [[nodiscard]] std::size_t bytes_of_address() const {
    return entry_->second.bytes.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t connections_of_address() const {
    return entry_->second.connections.load(std::memory_order_relaxed);
  }

 private:
  friend class ClientTable;
  Holding(ClientTable& table, Entries::value_type& entry) : table_(&table), entry_(&entry) {}
  [[nodiscard]] Pressure pressure_above(std::size_t numerator, std::size_t denominator) const;

  ClientTable* table_ = nullptr;  // null: released or moved from
  Entries::value_type* entry_ = nullptr;
  std::size_t counted_ = 0;  // the bytes that the table counts for this connection
};

}  // namespace weir::http
