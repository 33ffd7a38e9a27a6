#include "http/eviction.hpp"

#include <gtest/gtest.h>

namespace weir::http {
namespace {

std::vector<std::uint32_t> slots_of(const std::vector<ConnectionId>& ids) {
  std::vector<std::uint32_t> slots;
  for (const ConnectionId& id : ids) slots.push_back(id.slot);
  return slots;
}

using Slots = std::vector<std::uint32_t>;

TEST(GreediestFirst, ReturnsNoneWhileNoLimitIsExceeded) {
  EXPECT_TRUE(greediest_first({{.id = {1, 0}, .bytes = 1'000'000, .address_bytes = 1'000'000}}).empty());
}

TEST(GreediestFirst, ReturnsOfOneAddressTheConnectionThatHoldsMostForLongest) {
  const auto held = [](std::uint32_t slot, std::size_t bytes, std::uint64_t sweeps) {
    return MemoryHolder{.id = {slot, 0}, .pressure = Pressure::address, .bytes = bytes, .sweeps = sweeps};
  };
  EXPECT_EQ(slots_of(greediest_first({held(1, 10, 0), held(2, 100, 0), held(3, 10, 20), held(4, 100, 0)})),
            (Slots{3, 2, 4, 1}));
}

TEST(GreediestFirst, StartsWithTheAddressThatHoldsMostWhenTheTotalIsExceeded) {
  const auto held = [](std::uint32_t slot, std::size_t bytes, std::size_t of_address) {
    return MemoryHolder{
        .id = {slot, 0}, .pressure = Pressure::total, .bytes = bytes, .address_bytes = of_address};
  };
  EXPECT_EQ(slots_of(greediest_first({held(1, 500, 500), held(2, 10, 2000), held(3, 20, 2000)})),
            (Slots{3, 2, 1}));
}

TEST(GreediestFirst, LeavesOutHoldersWithoutPressure) {
  EXPECT_EQ(slots_of(greediest_first(
                {{.id = {1, 0}, .bytes = 900}, {.id = {2, 0}, .pressure = Pressure::address, .bytes = 9}})),
            (Slots{2}));
}

TEST(DispensableFirst, StartsWithTheOldestIdleConnection) {
  EXPECT_EQ(
      slots_of(dispensable_first({{.id = {1, 0}, .idle = true, .deadline = 9, .address_connections = 1},
                                  {.id = {2, 0}, .idle = true, .deadline = 3, .address_connections = 1},
                                  {.id = {3, 0}, .idle = true, .deadline = 5, .address_connections = 1}},
                                 {}, 2)),
      (Slots{2, 3}));
}

TEST(DispensableFirst, StartsWithIdleOnesOfTheAddressWithMostConnections) {
  EXPECT_EQ(
      slots_of(dispensable_first({{.id = {1, 0}, .idle = true, .deadline = 1, .address_connections = 1},
                                  {.id = {2, 0}, .idle = true, .deadline = 9, .address_connections = 50},
                                  {.id = {3, 0}, .idle = false, .deadline = 0, .address_connections = 900}},
                                 {}, 9)),
      (Slots{2, 1, 3}));
}

TEST(DispensableFirst, ClosesForAGreedyAddressNoIdleConnectionOfAModestOne) {
  const std::vector<OpenConnection> open{
      {.id = {1, 0}, .idle = true, .deadline = 1, .address_connections = 3},
      {.id = {2, 0}, .idle = true, .deadline = 2, .address_connections = 100}};
  EXPECT_EQ(slots_of(dispensable_first(open, {.connections = 100, .modest_max = 10}, 9)), (Slots{2}));
  EXPECT_EQ(slots_of(dispensable_first(open, {.connections = 10, .modest_max = 10}, 9)), (Slots{2, 1}));
}

TEST(DispensableFirst, ClosesBusyConnectionsOnlyOfAddressesThatHaveMoreThanTheNewcomer) {
  const std::vector<OpenConnection> open{
      {.id = {1, 0}, .idle = false, .deadline = 1, .address_connections = 2},
      {.id = {2, 0}, .idle = false, .deadline = 2, .address_connections = 3}};
  EXPECT_EQ(slots_of(dispensable_first(open, {.connections = 2, .modest_max = 10}, 9)), (Slots{2}));
  EXPECT_TRUE(dispensable_first(open, {.connections = 3, .modest_max = 10}, 9).empty());
}

}  // namespace
}  // namespace weir::http
