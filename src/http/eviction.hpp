// Which connections are closed when something is short: memory, connections or descriptors. Decisions only:
// the io thread says what its connections are like, and closes those that are named.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "http/client_table.hpp"

namespace weir::http {

// A connection by its place and how often that place was taken: a handle that is used too late finds that its
// connection is gone.
struct ConnectionId {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;

  friend bool operator==(const ConnectionId&, const ConnectionId&) = default;
};

struct MemoryHolder {
  ConnectionId id;
  Pressure pressure = Pressure::none;  // that it or its address is part of
  std::size_t bytes = 0;               // that are free once it is closed
  std::uint64_t sweeps = 0;            // since it holds more than the minimum
  std::size_t address_bytes = 0;
};

// In the order in which they are to be closed until nothing is exceeded any more. Where the sum of all is
// exceeded, the address that holds most comes first. Of one address the connection with the largest product
// of bytes and time comes first: a client that is slow and holds much, before one that has just sent a large
// body.
[[nodiscard]] std::vector<ConnectionId> greediest_first(std::vector<MemoryHolder> holders);

struct OpenConnection {
  ConnectionId id;
  bool idle = false;  // between two requests
  std::uint64_t deadline =
      0;  // the sweep at which it is closed anyhow: of two idle ones the older has the smaller
  std::size_t address_connections = 0;
};

struct Newcomer {
  std::size_t connections = 1;  // of its address, with this one
  // Up to so many an address is modest: for it any idle connection may be closed.
  std::size_t modest_max = 1;
};

// Whether it may be closed for the newcomer: an idle one of an address that has at least as many connections,
// or of any for a modest newcomer; one that is not idle only if its address has more connections. The caller
// leaves out those whose request is with its route.
[[nodiscard]] bool is_dispensable(const OpenConnection& one, const Newcomer& newcomer);

// At most `most` of those that are dispensable, in the order in which they are to be closed: idle ones first;
// then those of the address that has most connections; then the oldest.
[[nodiscard]] std::vector<ConnectionId> dispensable_first(std::vector<OpenConnection> open,
                                                          const Newcomer& newcomer, std::size_t most);

}  // namespace weir::http
