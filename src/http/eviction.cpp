#include "http/eviction.hpp"

#include <algorithm>
#include <tuple>

namespace weir::http {

namespace {

template <class All>
std::vector<ConnectionId> ids_of(const All& all, std::size_t most) {
  std::vector<ConnectionId> ids;
  for (const auto& one : all) {
    if (ids.size() == most) break;
    ids.push_back(one.id);
  }
  return ids;
}

}  // namespace

std::vector<ConnectionId> greediest_first(std::vector<MemoryHolder> holders) {
  std::erase_if(holders, [](const MemoryHolder& one) { return one.pressure == Pressure::none; });
  const auto rank = [](const MemoryHolder& one) {
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
                                            std::size_t most) {
  std::erase_if(open, [&newcomer](const OpenConnection& one) { return !is_dispensable(one, newcomer); });
  const auto comes_first = [](const OpenConnection& one, const OpenConnection& other) {
    return std::tuple(!one.idle, other.address_connections, one.deadline, one.id.slot) <
           std::tuple(!other.idle, one.address_connections, other.deadline, other.id.slot);
  };
  const std::size_t sorted = std::min(most, open.size());
  std::ranges::partial_sort(open, open.begin() + static_cast<std::ptrdiff_t>(sorted), comes_first);
  return ids_of(open, most);
}

}  // namespace weir::http
