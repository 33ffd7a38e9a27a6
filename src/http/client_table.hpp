// How many bytes the connected clients hold in this process, by client address and in sum (contract §3,
// Fairness).
//
// A client address is an IPv4 address, or the /64 of an IPv6 address: one customer of a provider usually has
// a whole /64. Each connection counts with what it holds and at least with limits::connection_bytes_min. So a
// connection that holds less than that never touches the shared counters while it is open, and a request that
// is smaller is never refused.
#pragma once

#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

#include "base/limits.hpp"

namespace weir::http {

struct ClientAddress {
  bool is_v4 = false;
  std::uint64_t prefix =
      0;  // all 32 bits of an IPv4 address (mapped ones too), the first 64 of an IPv6 address

  [[nodiscard]] static ClientAddress of(const boost::asio::ip::address& address);
  friend auto operator<=>(const ClientAddress&, const ClientAddress&) = default;
};

// Which limit is exceeded.
enum class Pressure : std::uint8_t { none, address, total };

// Thread-safe. One mutex, taken when a connection opens and when it closes; the table is a tree, so that no
// choice of addresses makes it slow. Must outlive its Holdings.
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

  // Counts one more connection of `address`.
  [[nodiscard]] Holding open(ClientAddress address);

  [[nodiscard]] std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t addresses() const;

  // True once after the sum has fallen by limits::memory_trim_bytes_min from its peak: then the caller gives
  // free memory back to the system.
  [[nodiscard]] bool is_fall_due();

 private:
  struct Entry {
    std::atomic<std::size_t> bytes{0};
    std::atomic<std::size_t> connections{0};
  };
  using Entries = std::map<ClientAddress, Entry>;

  void add(Entry& entry, std::size_t bytes);
  void subtract(Entry& entry, std::size_t bytes);
  void close(Entries::value_type& entry, std::size_t bytes);

  const Limits limits_;
  std::atomic<std::size_t> bytes_{0};
  std::atomic<std::size_t> peak_{0};  // of bytes_, since is_fall_due() was true last
  mutable std::mutex mutex_;          // guards the tree; its entries count by themselves
  Entries entries_;
};

// One connection's part. Belongs to one thread; moving it is allowed. Its destructor takes the connection
// off.
class ClientTable::Holding {
 public:
  Holding() = default;
  Holding(Holding&& other) noexcept
      : table_(std::exchange(other.table_, nullptr)), entry_(other.entry_), counted_(other.counted_) {}
  Holding& operator=(Holding&& other) noexcept;
  ~Holding() { release(); }

  // The connection now holds `bytes`.
  void resize(std::size_t bytes);
  void release();

  // Which limit the connection's address or all addresses together exceed; `total` if both.
  [[nodiscard]] Pressure pressure() const { return pressure_above(1, 1); }
  // The same with a limit of 7/8: how far holders are closed once a limit was exceeded.
  [[nodiscard]] Pressure pressure_above_low_water() const { return pressure_above(7, 8); }

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

  ClientTable* table_ = nullptr;
  Entries::value_type* entry_ = nullptr;
  std::size_t counted_ = 0;
};

}  // namespace weir::http
