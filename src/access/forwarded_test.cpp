#include "access/forwarded.hpp"

#include <gtest/gtest.h>

#include "access/limits.hpp"

namespace weir::access {
namespace {

IpAddress address(std::string_view text) { return *IpAddress::parse(text); }

std::string client(std::string_view peer, std::vector<std::string_view> forwarded,
                   std::string_view trusted = "10.0.0.0/8, fd00::/8") {
  return client_behind(*parse_networks(trusted), address(peer), forwarded).text();
}

TEST(Forwarded, TheListIsReadFromTheRightPastTrustedProxies) {
  struct Case {
    std::string_view peer, list, client;
  };
  for (const Case& one : {
           Case{"10.0.0.1", "203.0.113.7", "203.0.113.7"},
           Case{"10.0.0.1", "203.0.113.7, 10.0.0.2", "203.0.113.7"},
           Case{"10.0.0.1", "1.1.1.1, 203.0.113.7, 10.0.0.2,10.0.0.3", "203.0.113.7"},
           Case{"fd00::1", "2001:db8::5", "2001:db8::5"},
           Case{"10.0.0.1", "[2001:db8::5]:4711", "2001:db8::5"},
           Case{"10.0.0.1", "[2001:db8::5]", "2001:db8::5"},
           Case{"10.0.0.1", "203.0.113.7:80", "203.0.113.7"},
           Case{"10.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"},
           // Only proxies: the first of them is the client.
           Case{"10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
       })
    EXPECT_EQ(client(one.peer, {one.list}), one.client) << one.list;
}

TEST(Forwarded, AForgedListDoesNotHideTheClient) {
  // A client that is no trusted proxy can send any list.
  EXPECT_EQ(client("203.0.113.7", {"1.2.3.4"}), "203.0.113.7");
  EXPECT_EQ(client("203.0.113.7", {"10.0.0.1"}), "203.0.113.7");
  // The proxy appends the true address to what the client has sent.
  EXPECT_EQ(client("10.0.0.1", {"1.2.3.4, 203.0.113.7"}), "203.0.113.7");
  EXPECT_EQ(client("10.0.0.1", {"10.0.0.9, 203.0.113.7"}), "203.0.113.7");
}

TEST(Forwarded, SeveralHeadersAreOneList) {
  EXPECT_EQ(client("10.0.0.1", {"1.1.1.1", "203.0.113.7", "10.0.0.2, 10.0.0.3"}), "203.0.113.7");
}

TEST(Forwarded, AnEntryThatIsNoAddressEndsTheList) {
  for (const std::string_view list :
       {"", "unknown", "1.2.3.4, unknown", "1.2.3.4,", "1.2.3.4, _hidden", "[::1"})
    EXPECT_EQ(client("10.0.0.1", {list}), "10.0.0.1") << list;
  EXPECT_EQ(client("10.0.0.1", {"1.2.3.4, unknown, 10.0.0.2"}), "10.0.0.2");
  EXPECT_EQ(client("10.0.0.1", {}), "10.0.0.1");
}

TEST(Forwarded, OnlyAFewEntriesAreRead) {
  std::string list = "203.0.113.7";
  for (std::size_t hop = 1; hop < limits::forwarded_hops_max; ++hop) list += ",10.0.0.2";
  EXPECT_EQ(client("10.0.0.1", {list}), "203.0.113.7");
  EXPECT_EQ(client("10.0.0.1", {list + ",10.0.0.2"}), "10.0.0.2");
}

TEST(Forwarded, NetworksAreRefusedWithTheEntry) {
  EXPECT_EQ(parse_networks("10.0.0.0/8, ::1 ,192.168.0.1")->size(), 3u);
  for (const std::string entry : {"proxy", "10.0.0.1/8", "10.0.0.0/33", ""})
    EXPECT_TRUE(parse_networks("127.0.0.1," + entry).error().starts_with("'" + entry + "' is not")) << entry;
}

}  // namespace
}  // namespace weir::access
