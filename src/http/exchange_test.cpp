#include "http/exchange.hpp"

#include <gtest/gtest.h>

namespace weir::http {
namespace {

TEST(Request, FindsTheFirstHeaderOfANameInAnyCase) {
  const Request request{.headers = {{"Accept", "a"}, {"X-Key", "one"}, {"x-key", "two"}}};
  EXPECT_EQ(request.header("x-KEY"), "one");
  EXPECT_EQ(request.header("X-Ke"), std::nullopt);
}

TEST(Query, DecodesItsParameters) {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  struct Case {
    std::string_view raw;
    Pairs pairs;
  };
  const std::vector<Case> cases{
      {"", {}},
      {"a=1", {{"a", "1"}}},
      {"a=1&b=2", {{"a", "1"}, {"b", "2"}}},
      {"&&a&", {{"a", ""}}},
      {"a=", {{"a", ""}}},
      {"=1", {{"", "1"}}},
      {"a=b=c", {{"a", "b=c"}}},
      {"a+b=c+d%2B", {{"a b", "c d+"}}},
      {"%61=%C3%A4%c3%a4", {{"a", "ää"}}},
      {"a=%", {{"a", "%"}}},
      {"a=%4", {{"a", "%4"}}},
      {"a=%zz", {{"a", "%zz"}}},
      {"a=100%25", {{"a", "100%"}}},
      {"tz=Europe%2FBerlin", {{"tz", "Europe/Berlin"}}},
  };
  for (const Case& query : cases) EXPECT_EQ(Query(query.raw).all(), query.pairs) << query.raw;
}

TEST(Query, UsesTheLastValueOfARepeatedParameter) {
  const Query query("a=1&b=2&a=3");
  EXPECT_EQ(query.get("a"), "3");
  EXPECT_EQ(query.get("b"), "2");
  EXPECT_EQ(query.get("c"), std::nullopt);
}

TEST(ErrorReply, IsJsonWhateverTheErrorContains) {
  const Reply reply = error_reply(400, "say \"no\"\n");
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.body, R"({"error":"say \"no\"\n"})");
}

}  // namespace
}  // namespace weir::http
