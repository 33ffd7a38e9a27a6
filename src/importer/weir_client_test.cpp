#include "importer/weir_client.hpp"

#include <gtest/gtest.h>

#include "http/server.hpp"

namespace weir::importer {
namespace {

// Runs a server that gives the answer which the test has set.
class WeirClientTest : public testing::Test {
 protected:
  WeirClientTest() {
    const auto route = [this](std::string method, std::string path) {
      return http::Route{.method = std::move(method),
                         .path = std::move(path),
                         .handle = [this](const http::Request& request, http::Respond respond) {
                           body_ = request.body;
                           content_type_ = request.header("Content-Type").value_or("");
                           respond(reply_);
                         }};
    };
    auto server = http::Server::open(
        {.bind_address = "127.0.0.1", .port = 0},
        [&] { return std::vector<http::Route>{route("GET", "/health/ready"), route("POST", "/activities")}; },
        *logger_);
    EXPECT_TRUE(server);
    server_ = std::move(*server);
    server_->start();
    client_ = make_weir_client({.host = "127.0.0.1", .port = server_->port()});
  }

  Posted answer(int status, std::string body, std::vector<std::pair<std::string, std::string>> headers = {},
                std::size_t events = 1) {
    reply_ = {.status = status, .body = std::move(body), .headers = std::move(headers)};
    return client_->post("{}\n", events);
  }

  std::unique_ptr<telemetry::Logger> logger_ = telemetry::make_silent_logger();
  http::Reply reply_;
  std::string body_;
  std::string content_type_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<WeirClient> client_;
};

TEST_F(WeirClientTest, ReadsTheLogFromTheReadinessReport) {
  reply_ = {
      .status = 503,
      .body =
          R"({"status":"unready","checks":{"metrics_store":{},"event_log":{"status":"ready","latency_ms":1,
      "log_id":"abc","end":42,"dedup_window_sec":600,"dedup_window_events":1000000,"max_event_bytes":64,
      "max_body_bytes":128}}})"};
  const auto state = client_->log_state();
  ASSERT_TRUE(state) << state.error().text;
  EXPECT_EQ(*state, (LogState{.log_id = "abc",
                              .end = 42,
                              .dedup_window_ms = 600'000,
                              .dedup_window_events = 1'000'000,
                              .limits = {.event_bytes = 64, .body_bytes = 128}}));
}

TEST_F(WeirClientTest, RecognizesAProducerByTheMissingStore) {
  reply_ = {.status = 200, .body = R"({"checks":{"event_log":{"log_id":"abc","end":42}}})"};
  const auto state = client_->log_state();
  ASSERT_TRUE(state) << state.error().text;
  EXPECT_FALSE(state->has_page);
  EXPECT_EQ(state->limits, BodyLimits{}) << "without limits in the report there is none";
}

TEST_F(WeirClientTest, ReportsAnUnavailableLog) {
  struct Case {
    int status;
    std::string body;
    ErrorKind kind;
    std::string text;
  };
  const std::vector<Case> cases = {
      {503, R"({"status":"unready","checks":{"event_log":{"status":"unready","reason":"starting"}}})",
       ErrorKind::unavailable, "Weir's event log is unavailable: starting"},
      {503, R"({"status":"unready","checks":{"event_log":{}}})", ErrorKind::unavailable,
       "Weir's event log is unavailable"},
      {503, R"({"error":"shutting down"})", ErrorKind::unavailable, "Weir answers 503: shutting down"}};
  for (const Case& one : cases) {
    reply_ = {.status = one.status, .body = one.body};
    const auto state = client_->log_state();
    ASSERT_FALSE(state) << one.body;
    EXPECT_EQ(state.error().kind, one.kind) << one.body;
    EXPECT_TRUE(state.error().text.ends_with(one.text)) << state.error().text;
  }
}

TEST_F(WeirClientTest, SendsNdjson) {
  EXPECT_EQ(answer(200, R"({"accepted":1,"rejected":[]})").outcome, PostOutcome::accepted);
  EXPECT_EQ(body_, "{}\n");
  EXPECT_EQ(content_type_, "application/x-ndjson");
}

TEST_F(WeirClientTest, Fault45NamesAProgramThatAnswersHealthInWeirsPlace) {
  struct Case {
    int status;
    std::string body;
    ErrorKind kind;
  };
  const std::vector<Case> cases = {
      {200, "<html>", ErrorKind::invalid},
      {200, "", ErrorKind::invalid},
      {200, R"({"status":"ready"})", ErrorKind::invalid},
      {200, R"({"status":"ready","checks":{"event_log":1}})", ErrorKind::invalid},
      {200, R"({"status":"ready","checks":{"event_log":{"log_id":"a")", ErrorKind::invalid},
      {302, "", ErrorKind::invalid},
      {404, R"({"message":"no route"})", ErrorKind::invalid},
      {502, "<html>", ErrorKind::unavailable},
      {503, "<html>", ErrorKind::unavailable},
      {503, R"({"status":"unready","checks":{}})", ErrorKind::unavailable},
      {504, "", ErrorKind::unavailable}};
  for (const Case& one : cases) {
    reply_ = {.status = one.status, .content_type = "text/x", .body = one.body};
    const auto state = client_->log_state();
    ASSERT_FALSE(state) << one.status << one.body;
    EXPECT_EQ(state.error().kind, one.kind) << one.status << one.body;
    EXPECT_EQ(state.error().code, "not_weir") << one.status << one.body;
    EXPECT_TRUE(state.error().text.starts_with("something else answers in Weir's place at 127.0.0.1:"))
        << state.error().text;
    EXPECT_TRUE(
        state.error().text.contains(": status " + std::to_string(one.status) + ", Content-Type text/x"))
        << state.error().text;
  }
}

TEST_F(WeirClientTest, Fault45PrintsNoSecretOfARedirectionAndNoControlCharacter) {
  reply_ = {.status = 302,
            .body = "\x1b[2J" + std::string(1000, 'x'),
            .headers = {{"Location", "https://user:secret@login.example/in?token=secret"}}};
  const auto state = client_->log_state();
  ASSERT_FALSE(state);
  EXPECT_TRUE(state.error().text.contains("Location https://***@login.example/in, body \"\uFFFD[2Jxx"))
      << state.error().text;
  EXPECT_FALSE(state.error().text.contains("secret")) << state.error().text;
  EXPECT_LT(state.error().text.size(), 400U);
}

TEST_F(WeirClientTest, Fault45TakesNoForeignReplyForAnOutcome) {
  struct Case {
    int status;
    std::string body;
    std::size_t events;
  };
  const std::vector<Case> foreign = {{200, "<html>welcome</html>", 2},
                                     {200, "", 2},
                                     {200, "{}", 2},
                                     {200, "[]", 2},
                                     {200, R"({"accepted":2)", 2},
                                     {200, R"({"accepted":2})", 2},
                                     {200, R"({"accepted":1,"rejected":[]})", 2},
                                     {200, R"({"accepted":3,"rejected":[]})", 2},
                                     {200, R"({"accepted":"2","rejected":[]})", 2},
                                     {200, R"({"accepted":-1,"rejected":[]})", 2},
                                     {200, R"({"accepted":2,"rejected":[{"index":0,"error":"x"}]})", 2},
                                     {200, R"({"accepted":1,"rejected":[{"index":2,"error":"x"}]})", 2},
                                     {200, R"({"accepted":1,"rejected":[{"error":"x"}]})", 2},
                                     {200, R"({"accepted":1,"rejected":[{"index":1},{"index":1}]})", 3},
                                     {200, R"({"accepted":0,"rejected":[{"index":0},{"index":1}]})", 2},
                                     {400, R"({"accepted":1,"rejected":[{"index":0,"error":"x"}]})", 2},
                                     {201, R"({"accepted":2,"rejected":[]})", 2},
                                     {202, "", 2},
                                     {204, "", 2},
                                     {301, "", 2},
                                     {302, R"({"error":"moved"})", 2},
                                     {401, "<html>", 2},
                                     {404, "", 2},
                                     {404, R"({"error":{"code":404}})", 2},
                                     {413, "<html>", 2},
                                     {429, "slow down", 2},
                                     {500, "<html>", 2},
                                     {502, "<html>", 2},
                                     {503, "<html>", 2},
                                     {504, "", 2}};
  for (const Case& one : foreign) {
    const Posted posted = answer(one.status, one.body, {}, one.events);
    EXPECT_EQ(posted.outcome, PostOutcome::unknown) << one.status << one.body;
    EXPECT_TRUE(posted.reason.starts_with("something else answers in Weir's place at 127.0.0.1:"))
        << posted.reason;
  }
}

TEST_F(WeirClientTest, DerivesTheOutcomeFromWeirsStatus) {
  struct Case {
    int status;
    std::string body;
    PostOutcome expected;
  };
  const std::vector<Case> cases = {
      {200, R"({"accepted":1,"rejected":[]})", PostOutcome::accepted},
      {400, R"({"accepted":0,"rejected":[{"index":0,"error":"x"}]})", PostOutcome::accepted},
      {400, R"({"error":"no JSON"})", PostOutcome::refused},
      {401, R"({"error":"no key"})", PostOutcome::refused},
      {404, R"({"error":"no such path"})", PostOutcome::refused},
      {413, R"({"error":"too large"})", PostOutcome::refused},
      {408, R"({"error":"too slow"})", PostOutcome::unknown},
      {429, R"({"error":"too many requests"})", PostOutcome::not_kept},
      {500, R"({"accepted":0,"rejected":[],"failed":[0]})", PostOutcome::unknown},
      {500, R"({"error":"Failed to publish activity"})", PostOutcome::unknown},
      {503, R"({"error":"shutting down"})", PostOutcome::not_kept}};
  for (const Case& one : cases)
    EXPECT_EQ(answer(one.status, one.body).outcome, one.expected) << one.status << one.body;
}

TEST_F(WeirClientTest, ReturnsRejectedItemsWithTheirReasons) {
  const Posted posted =
      answer(200, R"({"accepted":2,"rejected":[{"index":2,"error":"user_id is required"}]})", {}, 3);
  ASSERT_EQ(posted.rejected.size(), 1U);
  EXPECT_EQ(posted.rejected[0].index, 2U);
  EXPECT_EQ(posted.rejected[0].error, "user_id is required");
  EXPECT_EQ(answer(503, R"({"error":"shutting down"})").reason, "Weir answers 503: shutting down");
}

TEST_F(WeirClientTest, ReadsRetryAfterInSeconds) {
  EXPECT_EQ(answer(429, "", {{"Retry-After", "3"}}).retry_after_ms, 3000);
  EXPECT_EQ(answer(503, "", {{"Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT"}}).retry_after_ms, 0);
}

TEST_F(WeirClientTest, KnowsThatNothingWasKeptWithoutAConnection) {
  const std::uint16_t port = server_->port();
  server_.reset();
  const auto unreachable = make_weir_client({.host = "127.0.0.1", .port = port});
  EXPECT_EQ(unreachable->post("{}\n", 1).outcome, PostOutcome::not_kept);
  EXPECT_EQ(unreachable->log_state().error().kind, ErrorKind::unavailable);
}

}  // namespace
}  // namespace weir::importer
