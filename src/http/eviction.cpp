// Both orders are keys of a sort. A tuple compares its members from left to right, so the first member is the
// most important criterion.
#include "http/eviction.hpp"

#include <algorithm>
#include <tuple>

namespace weir::http {

namespace {

// The ids of the first `count_max` elements.
template <class All>
std::vector<ConnectionId> ids_of(const All& all, std::size_t count_max) {
  std::vector<ConnectionId> ids;
  for (const auto& one : all) {
    if (ids.size() == count_max) break;
    ids.push_back(one.id);
  }
  return ids;
}

}  // namespace

std::vector<ConnectionId> greediest_first(std::vector<MemoryHolder> holders) {
  std::erase_if(holders, [](const MemoryHolder& one) { return one.pressure == Pressure::none; });
  const auto rank = [](const MemoryHolder& one) {
    // The address matters only where the limit for all clients is exceeded. Sweeps count from one, so that a
    // holder of the current sweep has a rank, too.
    const std::size_t of_address = one.pressure == Pressure::total ? one.address_bytes : 0;
    return std::tuple(of_address, static_cast<double>(one.bytes) * (1.0 + static_cast<double>(one.sweeps)));
  };
  std::ranges::stable_sort(holders, std::ranges::greater{}, rank);
  return ids_of(holders, holders.size());
}

bool is_dispensable(const OpenConnection& one, const Newcomer& newcomer) {
  if (!one.idle) return one.address_connections > newcomer.connections;
  return newcomer.connections <= newcomer.modest_max || one.address_connections >= newcomer.connections;
}

std::vector<ConnectionId> dispensable_first(std::vector<OpenConnection> open, const Newcomer& newcomer,
                                            std::size_t count_max) {
  std::erase_if(open, [&newcomer](const OpenConnection& one) { return !is_dispensable(one, newcomer); });
  const auto comes_first = [](const OpenConnection& one, const OpenConnection& other) {
    return std::tuple(!one.idle, other.address_connections, one.deadline, one.id.slot) <
           std::tuple(!other.idle, one.address_connections, other.deadline, other.id.slot);
  };
  // Only the beginning is sorted: there may be thousands of connections.
  const std::size_t sorted = std::min(count_max, open.size());
  std::ranges::partial_sort(open, open.begin() + static_cast<std::ptrdiff_t>(sorted), comes_first);
  return ids_of(open, count_max);
}

}  // namespace weir::http
