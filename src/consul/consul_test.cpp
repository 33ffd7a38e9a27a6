#include <gtest/gtest.h>

#include "consul/key_values.hpp"
#include "consul/query_state.hpp"

namespace weir::consul {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Query query{
    .agent = {.host = "127.0.0.1", .port = 8500}, .prefix = "weir", .token = "t0ken", .datacenter = ""};

http::Response reply_of(int status, std::string index, std::string body) {
  http::Response reply{.status = status, .headers = {}, .body = std::move(body)};
  if (!index.empty()) reply.headers.emplace_back("X-Consul-Index", std::move(index));
  return reply;
}

TEST(Path, AsksForAllKeysBelowThePrefix) {
  EXPECT_EQ(path_of(query, 0, seconds{2}), "/v1/kv/weir/?recurse=true");
  EXPECT_EQ(path_of(query, 42, seconds{2}), "/v1/kv/weir/?recurse=true&index=42&wait=2s");
  Query other = query;
  other.prefix = "apps/we ir?";
  other.datacenter = "dc&2";
  EXPECT_EQ(path_of(other, 0, seconds{2}), "/v1/kv/apps/we%20ir%3F/?recurse=true&dc=dc%262");
  EXPECT_EQ(headers_of(query), (http::HeaderList{{"X-Consul-Token", "t0ken"}}));
}

TEST(Reply, HasTheKeysWithoutThePrefix) {
  const auto keys = parse_reply(
      reply_of(200, "7",
               R"([{"Key":"weir/","Value":null},{"Key":"weir/batch_size","Flags":0,"Value":"NTAw"},)"
               R"({"Key":"weir/empty","Value":null},{"Key":"weir/sub/","Value":null}])"),
      query);
  ASSERT_TRUE(keys) << keys.error().text;
  EXPECT_EQ(keys->index, 7U);
  EXPECT_EQ(keys->values,
            (std::map<std::string, std::string, std::less<>>{{"batch_size", "500"}, {"empty", ""}}));
}

TEST(Reply, ThatHasNoPrefixHasNoKeys) {
  const auto keys = parse_reply(reply_of(404, "0", ""), query);
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->index, 1U);
  EXPECT_TRUE(keys->values.empty());
}

TEST(Reply, OfAnythingElseIsAnError) {
  for (const auto& [status, index, body] : std::vector<std::tuple<int, std::string, std::string>>{
           {500, "7", "[]"},
           {403, "7", "Permission denied"},
           {302, "7", "[]"},
           {404, "", "not found"},
           {200, "", "[]"},
           {200, "-1", "[]"},
           {200, "x", "[]"},
           {200, "7", "<html>"},
           {200, "7", "{}"},
           {200, "7", "[1]"},
           {200, "7", "[{}]"},
           {200, "7", R"([{"Key":"other/batch_size","Value":"NTAw"}])"},
           {200, "7", R"([{"Key":"weir/batch_size","Value":"!!"}])"},
           {200, "7", R"([{"Key":"weir/batch_size","Value":5}])"}}) {
    const auto keys = parse_reply(reply_of(status, index, body), query);
    EXPECT_FALSE(keys) << status << ' ' << body;
    if (!keys) {
      EXPECT_EQ(keys.error().kind, ErrorKind::unavailable);
      EXPECT_FALSE(keys.error().text.contains("t0ken"));
    }
  }
}

TEST(QueryState, FollowsTheIndex) {
  QueryState state(0);
  EXPECT_TRUE(state.on_reply(5));
  EXPECT_EQ(state.index(), 5U);
  EXPECT_FALSE(state.on_reply(5)) << "the wait has ended without a change";
  EXPECT_TRUE(state.on_reply(9));
  EXPECT_TRUE(state.on_reply(3)) << "backwards";
  EXPECT_EQ(state.index(), 0U) << "the next query does not block";
  EXPECT_TRUE(state.on_reply(3));
  EXPECT_EQ(state.index(), 3U);
}

TEST(QueryState, DelaysGrowWithJitterUntilAReply) {
  QueryState state(0);
  EXPECT_EQ(state.on_failure(0), milliseconds{250});
  EXPECT_EQ(state.on_failure(1), milliseconds{250}) << "half of 500";
  EXPECT_EQ(state.on_failure(0), milliseconds{1000});
  for (int more = 0; more < 40; ++more) (void)state.on_failure(0.5);
  EXPECT_EQ(state.on_failure(0), milliseconds{5000});
  EXPECT_EQ(state.on_failure(1), milliseconds{2500});
  EXPECT_TRUE(state.is_failing());
  EXPECT_TRUE(state.on_reply(1));
  EXPECT_EQ(state.on_failure(0), milliseconds{250});
}

}  // namespace
}  // namespace weir::consul
