// Decides which connections are closed when memory, connections or file descriptors run short (contract §3,
// Fairness). Pure functions: the io thread describes its connections and closes those that are returned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "http/client_table.hpp"

namespace weir::http {

// Identifies a connection of an io thread: its slot, and how often the slot was reused. An id that is used
// after its connection has closed matches no connection.
struct ConnectionId {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;

  friend bool operator==(const ConnectionId&, const ConnectionId&) = default;
};

// A connection that holds more than limits::connection_bytes_min.
struct MemoryHolder {
  ConnectionId id;
  Pressure pressure = Pressure::none;  // the limit that it contributes to exceeding
  std::size_t bytes = 0;               // freed when it closes
  std::uint64_t sweeps = 0;            // how long it has held more than the minimum
  std::size_t address_bytes = 0;       // held by its address
};

// Returns the connections in the order in which to close them, until no limit is exceeded. Holders without
// pressure are left out.
//
// If the limit for all clients is exceeded, the address that holds most comes first. Within one address, the
// connection with the largest product of bytes and time comes first. So a slow client that holds much comes
// before one that has just sent a large body.
[[nodiscard]] std::vector<ConnectionId> greediest_first(std::vector<MemoryHolder> holders);

// A connection that may be closed for a newcomer.
struct OpenConnection {
  ConnectionId id;
  bool idle = false;  // between two requests
  // The sweep at which it closes anyway. Of two idle connections the older one has the smaller deadline.
  std::uint64_t deadline = 0;
  std::size_t address_connections = 0;  // open connections of its address
};

// A new connection, for which there is no place.
struct Newcomer {
  std::size_t connections = 1;  // of its address, including this one
  // An address with at most this many connections is modest: any idle connection may be closed for it.
  std::size_t modest_max = 1;
};

// Returns whether `one` may be closed for the newcomer:
//   - an idle connection, if its address has at least as many connections or the newcomer is modest;
//   - another one, only if its address has more connections than the newcomer's.
// The caller must leave out connections whose request is being handled.
[[nodiscard]] bool is_dispensable(const OpenConnection& one, const Newcomer& newcomer);

// Returns at most `count_max` dispensable connections in the order in which to close them: idle ones first,
// then those of the address with most connections, then the oldest. O(n log count_max).
[[nodiscard]] std::vector<ConnectionId> dispensable_first(std::vector<OpenConnection> open,
                                                          const Newcomer& newcomer, std::size_t count_max);

}  // namespace weir::http
