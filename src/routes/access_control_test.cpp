#include "routes/access_control.hpp"

#include <gtest/gtest.h>

#include "access/basic_credentials.hpp"
#include "telemetry/exposition.hpp"

namespace weir::routes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Headers = std::vector<std::pair<std::string, std::string>>;

class Access : public testing::Test {
 protected:
  void start(std::string_view keys, access::RateLimit limit = {}, std::string_view password = "") {
    access::Secrets secrets;
    if (!keys.empty()) secrets.api_keys = *access::parse_api_keys(keys);
    if (!password.empty()) secrets.dashboard_password = access::digest_of(password);
    std::vector<IpNetwork> proxies{*IpNetwork::parse("10.0.0.0/8")};
    access_.emplace(AccessSettings{std::move(secrets), limit, std::move(proxies)}, [this] { return now_; });
    ingest_ = access_->ingest_filter();
    reading_ = access_->reading_filter();
  }

  // Runs the filter. Status 0: the request passes.
  http::Reply run(const http::Filter& filter, const Headers& headers, std::string_view query = "",
                  std::string_view peer = "203.0.113.7") {
    http::Request head{.method = "POST", .path = "/activity", .query = query};
    head.peer = *IpAddress::parse(peer);
    for (const auto& [name, value] : headers) head.headers.emplace_back(name, value);
    reply_headers_.clear();
    return filter(head, reply_headers_).value_or(http::Reply{.status = 0});
  }
  int ingest(const Headers& headers, std::string_view query = "", std::string_view peer = "203.0.113.7") {
    return run(ingest_, headers, query, peer).status;
  }
  int reading(const Headers& headers, std::string_view query = "") {
    return run(reading_, headers, query).status;
  }

  static std::string header(const http::HeaderList& headers, std::string_view name) {
    for (const auto& [field, value] : headers)
      if (field == name) return value;
    return "";
  }
  std::string metrics() const {
    telemetry::Exposition exposition;
    access_->collect(exposition);
    return exposition.text();
  }
  void expect_metric(std::string_view line) const {
    EXPECT_TRUE(metrics().contains(line)) << line << metrics();
  }

  MonoTime now_{seconds(1000)};
  std::optional<AccessControl> access_;
  http::Filter ingest_, reading_;
  http::HeaderList reply_headers_;
};

std::string basic(const std::string& user, const std::string& password) {
  return "Basic " + access::to_base64({user, password});
}

TEST_F(Access, WithoutKeysEveryRequestPasses) {
  start("");
  EXPECT_EQ(ingest({}), 0);
  EXPECT_EQ(ingest({{"Authorization", "Bearer anything"}}, "key=x"), 0);
  EXPECT_TRUE(reply_headers_.empty());
  EXPECT_EQ(reading({}), 0);
}

TEST_F(Access, AKeyIsTakenInEachWayThatTheContractLists) {
  start("web:s3cret,app:o+her");
  EXPECT_EQ(ingest({{"Authorization", "Bearer s3cret"}}), 0);
  EXPECT_EQ(ingest({{"authorization", "bearer   s3cret "}}), 0);
  EXPECT_EQ(ingest({{"Authorization", basic("s3cret", "")}}), 0);
  EXPECT_EQ(ingest({{"Authorization", basic("s3cret", "ignored")}}), 0);
  EXPECT_EQ(ingest({{"X-Api-Key", "s3cret"}}), 0);
  EXPECT_EQ(ingest({}, "key=s3cret"), 0);
  EXPECT_EQ(ingest({}, "a=b&key=o%2Bher&c"), 0);
  expect_metric(R"(weir_access_key_requests_total{key="web",outcome="accepted"} 6)");
  expect_metric(R"(weir_access_key_requests_total{key="app",outcome="accepted"} 1)");
}

TEST_F(Access, OfSeveralKeysOneThatIsKnownIsEnough) {
  start("web:s3cret");
  EXPECT_EQ(ingest({{"X-Api-Key", "s3cret"}, {"Authorization", basic("proxy", "user")}}), 0);
  EXPECT_EQ(ingest({{"X-Api-Key", "no"}, {"Authorization", "Bearer s3cret"}}), 0);
  EXPECT_EQ(ingest({{"Authorization", "Bearer no"}}, "key=s3cret"), 0);
}

TEST_F(Access, NoKeyIs401WithAChallengeThatNoBrowserShows) {
  start("web:s3cret");
  for (const Headers& headers :
       {Headers{}, Headers{{"Authorization", ""}}, Headers{{"Authorization", "Bearer"}},
        Headers{{"Authorization", "Bearer  "}}, Headers{{"Authorization", "Basic"}},
        Headers{{"Authorization", basic("", "")}}, Headers{{"Authorization", "Digest s3cret"}},
        Headers{{"Authorization", "s3cret"}}, Headers{{"X-Api-Key", ""}}}) {
    const http::Reply reply = run(ingest_, headers, "key=&other=s3cret&xkey=s3cret");
    EXPECT_EQ(reply.status, 401);
    EXPECT_EQ(header(reply.headers, "WWW-Authenticate"), R"(Bearer realm="weir")");
    EXPECT_TRUE(reply.body.starts_with(R"({"error":"an API key is required)"));
  }
  expect_metric(R"(weir_access_refused_total{reason="key_missing"} 9)");
}

TEST_F(Access, AWrongKeyIs403AndIsNeverShown) {
  start("web:s3cret");
  for (const Headers& headers :
       {Headers{{"Authorization", "Bearer hunter2"}}, Headers{{"Authorization", "Bearer S3CRET"}},
        Headers{{"Authorization", "Bearer " + std::string(30'000, 'x')}},
        Headers{{"Authorization", "Basic !!!not base64!!!"}},
        Headers{{"Authorization", "Basic aHVudGVyMg=="}},
        Headers{{"Authorization", basic("hunter2", "s3cret")}}, Headers{{"X-Api-Key", "hunter2"}},
        Headers{{"X-Api-Key", "web"}}}) {
    const http::Reply reply = run(ingest_, headers);
    EXPECT_EQ(reply.status, 403);
    EXPECT_EQ(reply.body, R"({"error":"the API key is unknown"})");
  }
  EXPECT_EQ(ingest({}, "key=hunter2"), 403);
  EXPECT_EQ(ingest({}, "key=s3cret&key=hunter2"), 403) << "the last one counts";
  expect_metric(R"(weir_access_refused_total{reason="key_unknown"} 10)");
  EXPECT_FALSE(metrics().contains("hunter2"));
  EXPECT_FALSE(metrics().contains("s3cret"));
}

TEST_F(Access, ReloadedKeysAreInForceAtTheNextRequest) {
  start("web:old");
  EXPECT_EQ(ingest({{"X-Api-Key", "old"}}), 0);
  access_->reload(
      {.api_keys = *access::parse_api_keys("web:new"), .dashboard_password = access::digest_of("p")}, {});
  EXPECT_EQ(ingest({{"X-Api-Key", "old"}}), 403);
  EXPECT_EQ(ingest({{"X-Api-Key", "new"}}), 0);
  EXPECT_EQ(reading({}), 401);
  expect_metric(R"(weir_access_key_requests_total{key="web",outcome="accepted"} 2)");
  access_->reload({}, {});
  EXPECT_EQ(ingest({}), 0);
  EXPECT_EQ(reading({}), 0);
}

TEST_F(Access, AReloadedRateLimitIsInForceAtTheNextRequest) {
  start("");
  EXPECT_EQ(ingest({}), 0);
  access_->reload({}, {.per_second = 1, .burst = 1});
  EXPECT_EQ(ingest({}), 0);
  EXPECT_EQ(ingest({}), 429);
  access_->reload({}, {.per_second = 1, .burst = 1});
  EXPECT_EQ(ingest({}), 429) << "the same limit does not forget what was used";
  access_->reload({}, {.per_second = 1, .burst = 2});
  EXPECT_EQ(ingest({}), 0);
  access_->reload({}, {});
  for (int request = 0; request < 9; ++request) EXPECT_EQ(ingest({}), 0);
}

TEST_F(Access, AKeyMayStandInTheBodyWhereTheRouteSaysSo) {
  start("web:s3cret");
  const http::Filter filter = access_->ingest_filter(KeyPlace::head_or_body);
  const auto check = access_->body_key_check();
  EXPECT_EQ(run(filter, {}).status, 0);
  EXPECT_EQ(run(filter, {{"X-Api-Key", "wrong"}}).status, 403);
  http::Request request;
  EXPECT_FALSE(check(request, "s3cret"));
  EXPECT_EQ(check(request, "")->status, 401);
  EXPECT_EQ(check(request, "wrong")->status, 403);
  request.headers.emplace_back("X-Api-Key", "s3cret");
  EXPECT_FALSE(check(request, "")) << "the key in the head is enough";
  expect_metric(R"(weir_access_key_requests_total{key="web",outcome="accepted"} 1)");
  start("");
  EXPECT_FALSE(access_->body_key_check()(http::Request{}, "anything"));
}

TEST_F(Access, ReadingNeedsThePasswordOrAKeyIfThereIsAPassword) {
  start("web:s3cret");
  EXPECT_EQ(reading({}), 0) << "keys alone do not close the reading side";
  start("web:s3cret", {}, "pässword:1");
  EXPECT_EQ(reading({{"Authorization", basic("weir", "pässword:1")}}), 0);
  EXPECT_EQ(reading({{"Authorization", "Bearer s3cret"}}), 0);
  EXPECT_EQ(reading({{"X-Api-Key", "s3cret"}}), 0);
  EXPECT_EQ(reading({}, "key=s3cret"), 0);
  for (const Headers& headers :
       {Headers{}, Headers{{"Authorization", basic("weir", "wrong")}},
        Headers{{"Authorization", basic("weir", "")}},
        Headers{{"Authorization", basic("admin", "pässword:1")}}, Headers{{"Authorization", "Basic ===="}},
        Headers{{"Authorization", "Bearer pässword:1"}}, Headers{{"X-Api-Key", "wrong"}}}) {
    const http::Reply reply = run(reading_, headers);
    EXPECT_EQ(reply.status, 401);
    EXPECT_EQ(header(reply.headers, "WWW-Authenticate"), R"(Basic realm="weir", charset="UTF-8")");
  }
  expect_metric(R"(weir_access_refused_total{reason="password_missing"} 1)");
  expect_metric(R"(weir_access_refused_total{reason="password_wrong"} 6)");
}

TEST_F(Access, RequestsOverTheLimitGet429WithTheHeadersOfTheDraft) {
  start("", {.per_second = 2, .burst = 4});
  for (const std::string remaining : {"3", "2", "1", "0"}) {
    EXPECT_EQ(ingest({}), 0);
    EXPECT_EQ(header(reply_headers_, "RateLimit-Policy"), R"("default";q=4;w=2)");
    EXPECT_EQ(header(reply_headers_, "RateLimit"), R"("default";r=)" + remaining + ";t=1");
  }
  const http::Reply reply = run(ingest_, {});
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(header(reply.headers, "Retry-After"), "1");
  EXPECT_EQ(reply.body, R"({"error":"too many requests: try again in 1 s"})");
  EXPECT_EQ(header(reply_headers_, "RateLimit"), R"("default";r=0;t=1)");
  expect_metric(R"(weir_access_refused_total{reason="rate_limited"} 1)");
  now_ += milliseconds(500);
  EXPECT_EQ(ingest({}), 0);
  EXPECT_EQ(ingest({}), 429);
}

TEST_F(Access, AKeyHasItsOwnLimitAndWithoutAKnownKeyTheAddressHas) {
  start("web:s3cret,app:other", {.per_second = 1, .burst = 2});
  const Headers web{{"X-Api-Key", "s3cret"}}, app{{"X-Api-Key", "other"}};
  EXPECT_EQ(ingest(web, "", "203.0.113.1"), 0);
  EXPECT_EQ(ingest(web, "", "203.0.113.2"), 0);
  EXPECT_EQ(ingest(web, "", "203.0.113.3"), 429) << "one limit for all addresses of the key";
  EXPECT_EQ(ingest(app, "", "203.0.113.3"), 0);
  expect_metric(R"(weir_access_key_requests_total{key="web",outcome="rate_limited"} 1)");
  // Guessing keys is limited by the address.
  EXPECT_EQ(ingest({{"X-Api-Key", "guess1"}}, "", "203.0.113.3"), 403);
  EXPECT_EQ(ingest({{"X-Api-Key", "guess2"}}, "", "203.0.113.3"), 403);
  EXPECT_EQ(ingest({{"X-Api-Key", "guess3"}}, "", "203.0.113.3"), 429);
  EXPECT_EQ(ingest({}, "", "203.0.113.3"), 429);
  EXPECT_EQ(ingest({}, "", "203.0.113.4"), 401);
}

TEST_F(Access, AddressesAreIpv4AddressesAndIpv6Slash64) {
  start("", {.per_second = 1, .burst = 1});
  EXPECT_EQ(ingest({}, "", "2001:db8:1:2::1"), 0);
  EXPECT_EQ(ingest({}, "", "2001:db8:1:2::2"), 429);
  EXPECT_EQ(ingest({}, "", "2001:db8:1:3::1"), 0);
  EXPECT_EQ(ingest({}, "", "203.0.113.1"), 0);
  EXPECT_EQ(ingest({}, "", "203.0.113.2"), 0);
}

// Fault 13: a forged X-Forwarded-For neither hides the client nor makes another one pay.
TEST_F(Access, XForwardedForIsBelievedFromTrustedProxiesOnly) {
  start("", {.per_second = 1, .burst = 1});
  const auto forwarded = [](const std::string& list) { return Headers{{"X-Forwarded-For", list}}; };
  EXPECT_EQ(ingest(forwarded("198.51.100.1"), "", "203.0.113.7"), 0);
  EXPECT_EQ(ingest(forwarded("198.51.100.2"), "", "203.0.113.7"), 429) << "not a proxy";
  EXPECT_EQ(ingest(forwarded("198.51.100.1"), "", "10.0.0.1"), 0);
  EXPECT_EQ(ingest(forwarded("1.2.3.4, 198.51.100.1"), "", "10.0.0.2"), 429)
      << "what a client adds is not read";
  EXPECT_EQ(ingest({{"X-Forwarded-For", "1.2.3.4"}, {"x-forwarded-for", "198.51.100.1"}}, "", "10.0.0.2"),
            429);
  EXPECT_EQ(ingest(forwarded("198.51.100.2"), "", "10.0.0.1"), 0);
}

}  // namespace
}  // namespace weir::routes
