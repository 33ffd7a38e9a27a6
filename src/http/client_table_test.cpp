#include "http/client_table.hpp"

#include <gtest/gtest.h>

namespace weir::http {
namespace {

ClientAddress address(const char* text) { return ClientAddress::of(*IpAddress::parse(text)); }

constexpr std::size_t least = limits::connection_bytes_min;

TEST(ClientTable, CountsTheBytesOfEachAddressAndRemovesAddressesWithoutConnections) {
  ClientTable table({});
  auto one = table.open(address("10.0.0.1"));
  auto second = table.open(address("10.0.0.1"));
  auto other = table.open(address("10.0.0.2"));
  EXPECT_EQ(table.addresses(), 2u);
  EXPECT_EQ(one.connections_of_address(), 2u);
  one.resize(limits::MiB);
  EXPECT_EQ(second.bytes_of_address(), limits::MiB + least);
  EXPECT_EQ(other.bytes_of_address(), least);
  EXPECT_EQ(table.bytes(), limits::MiB + 2 * least);
  one.resize(5);
  EXPECT_TRUE(one.is_small());
  EXPECT_EQ(table.bytes(), 3 * least);
  one.release();
  {
    const auto moved = std::move(second);
  }
  EXPECT_EQ(table.addresses(), 1u);
  EXPECT_EQ(table.bytes(), least);
}

TEST(ClientTable, ReportsTheLimitThatIsExceeded) {
  ClientTable table({.address_bytes_max = 80 * least, .total_bytes_max = 160 * least});
  auto one = table.open(address("10.0.0.1"));
  auto other = table.open(address("10.0.0.2"));
  auto third = table.open(address("10.0.0.3"));
  one.resize(80 * least);
  EXPECT_EQ(one.pressure(), Pressure::none);
  EXPECT_EQ(one.pressure_above_low_water(), Pressure::address);
  one.resize(81 * least);
  EXPECT_EQ(one.pressure(), Pressure::address);
  EXPECT_EQ(other.pressure(), Pressure::none);
  other.resize(79 * least);
  EXPECT_EQ(third.pressure(), Pressure::total);
  one.resize(70 * least);
  other.resize(60 * least);
  EXPECT_EQ(one.pressure_above_low_water(), Pressure::none);
}

TEST(ClientTable, ReportsOnceThatTheTotalHasFallen) {
  ClientTable table({});
  auto one = table.open(address("10.0.0.1"));
  one.resize(limits::memory_trim_bytes_min);
  EXPECT_FALSE(table.should_trim_memory());
  one.resize(2 * limits::memory_trim_bytes_min);
  one.release();
  EXPECT_TRUE(table.should_trim_memory());
  EXPECT_FALSE(table.should_trim_memory());
}

TEST(ClientTable, LetsNewConnectionsOfAnAddressWaitAfterManyClosings) {
  using std::chrono::milliseconds;
  ClientTable table({});
  auto one = table.open(address("10.0.0.1"));
  auto other = table.open(address("10.0.0.2"));
  const MonoTime now{std::chrono::hours{1}};
  EXPECT_EQ(one.wait_of_newcomer(now), milliseconds{0});
  for (int closing = 0; closing < 10; ++closing) one.record_closing(now);
  EXPECT_EQ(one.wait_of_newcomer(now), milliseconds{0});
  for (int closing = 0; closing < 10; ++closing) one.record_closing(now);
  EXPECT_EQ(one.wait_of_newcomer(now), milliseconds{1000});
  EXPECT_EQ(one.wait_of_newcomer(now + milliseconds{400}), milliseconds{600});
  EXPECT_EQ(one.wait_of_newcomer(now + milliseconds{1000}), milliseconds{0});
  EXPECT_EQ(other.wait_of_newcomer(now), milliseconds{0});
  for (int closing = 0; closing < 1000; ++closing) one.record_closing(now);
  EXPECT_EQ(one.wait_of_newcomer(now), ClientTable::Holding::closings_wait_max);
}

}  // namespace
}  // namespace weir::http
