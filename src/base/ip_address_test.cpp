#include "base/ip_address.hpp"

#include <gtest/gtest.h>

namespace weir {
namespace {

IpAddress address(std::string_view text) { return *IpAddress::parse(text); }

TEST(IpAddress, ParsesBothFormsAndPrintsThem) {
  for (const std::string text : {"10.0.0.1", "0.0.0.0", "2001:db8::1", "::1", "::"})
    EXPECT_EQ(address(text).text(), text);
  EXPECT_EQ(address("::ffff:10.0.0.1").text(), "10.0.0.1");
  EXPECT_EQ(address("::ffff:10.0.0.1"), address("10.0.0.1"));
  EXPECT_EQ(IpAddress::of_v4(0x0a000001), address("10.0.0.1"));
  EXPECT_TRUE(address("10.0.0.1").is_v4());
  EXPECT_FALSE(address("::1").is_v4());
}

TEST(IpAddress, IsNoOtherText) {
  for (const std::string_view text :
       {"", " ", "10.0.0.1 ", "10.0.0", "10.0.0.256", "010.0.0.1.1", "::1%lo", "[::1]", "10.0.0.1:80",
        "localhost", "1::2::3", "10.0.0.1/8", "00000000000000000000000000000000000000000000000000000001"})
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  EXPECT_FALSE(IpAddress::parse(std::string_view("10.0.0.1\0x", 10)));
}

TEST(IpNetwork, ContainsTheAddressesWithItsPrefix) {
  struct Case {
    std::string_view network, inside, outside;
  };
  for (const Case& one :
       {Case{"10.0.0.0/8", "10.255.0.1", "11.0.0.0"}, Case{"192.168.4.0/22", "192.168.7.255", "192.168.8.0"},
        Case{"127.0.0.1", "::ffff:127.0.0.1", "127.0.0.2"}, Case{"0.0.0.0/0", "8.8.8.8", "::1"},
        Case{"fd00::/8", "fdff::1", "fe00::1"}, Case{"2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"},
        Case{"::1/128", "::1", "::2"}, Case{"::ffff:10.0.0.0/104", "10.1.2.3", "11.1.2.3"}}) {
    const auto network = IpNetwork::parse(one.network);
    ASSERT_TRUE(network) << one.network;
    EXPECT_TRUE(network->contains(address(one.inside))) << one.network;
    EXPECT_FALSE(network->contains(address(one.outside))) << one.network;
  }
  EXPECT_TRUE(IpNetwork::parse("::/0")->contains(address("10.0.0.1")));
}

TEST(IpNetwork, IsNoOtherText) {
  for (const std::string_view text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8",
                                      "10.0.0.1/8", "fd00::/129", "fd00::1/64", "host/8", "10.0.0.0/ 8"})
    EXPECT_FALSE(IpNetwork::parse(text)) << text;
}

TEST(ClientAddress, IsAnIpv4AddressOrTheSlash64OfAnIpv6Address) {
  const auto client = [](std::string_view text) { return ClientAddress::of(address(text)); };
  EXPECT_EQ(client("10.0.0.1"), client("::ffff:10.0.0.1"));
  EXPECT_NE(client("10.0.0.1"), client("10.0.0.2"));
  EXPECT_EQ(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff:ffff:ffff:ffff"));
  EXPECT_NE(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
  EXPECT_NE(client("0.0.0.1"), client("0:0:0:1::"));
}

}  // namespace
}  // namespace weir
