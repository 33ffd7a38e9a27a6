#include "routes/ingest_routes.hpp"

#include <gtest/gtest.h>

#include "intake/testing/fake_event_log.hpp"
#include "telemetry/logger.hpp"

namespace weir::routes {
namespace {

using intake::Receipt;

constexpr WallTime now{std::chrono::sys_days{std::chrono::January / 15 / 2024}};

std::string activity(std::string_view user) {
  return R"({"user_id":")" + std::string(user) +
         R"(","activity_type":"page_view","timestamp":"2024-01-15T00:00:00Z"})";
}

class IngestRoutes : public testing::Test {
 protected:
  http::Reply post(std::string_view path, std::string body) {
    const std::size_t size = body.size();
    body.append(limits::json_slack_bytes, '\0');
    http::Reply answer{.status = 0};
    for (const http::Route& route : routes_) {
      if (route.path == path)
        route.handle(
            http::Request{.method = "POST", .path = path, .body = std::string_view(body).substr(0, size)},
            [&](http::Reply reply) { answer = std::move(reply); });
    }
    return answer;
  }

  intake::FakeEventLog log_;
  std::unique_ptr<telemetry::Logger> says_ = telemetry::make_silent_logger();
  MonoTime mono_;
  intake::Intake intake_{log_, {}, [this] { return mono_; }, *says_};
  std::vector<http::Route> routes_ = ingest_routes(intake_, [] { return now; });
};

std::string retry_after(const http::Reply& reply) {
  for (const auto& [name, value] : reply.headers)
    if (name == "Retry-After") return value;
  return "";
}

TEST_F(IngestRoutes, AnswerOneActivityAsTheContractStates) {
  const http::Reply good = post("/activity", activity("u"));
  EXPECT_EQ(good.status, 200);
  EXPECT_EQ(good.body, R"({"message":"Activity published successfully"})");
  const http::Reply bad = post("/activity", R"({"user_id":7})");
  EXPECT_EQ(bad.status, 400);
  EXPECT_NE(bad.body.find("user_id"), std::string::npos);
  EXPECT_EQ(post("/activity", "").status, 400);
  EXPECT_EQ(post("/activity", activity("u") + std::string(limits::event_bytes_default, ' ')).status, 413);
}

TEST_F(IngestRoutes, AnswerOneActivityByItsReceipt) {
  log_.answer(Receipt::unknown, {ErrorKind::internal, "disk", "disk"});
  const http::Reply unknown = post("/activity", activity("u"));
  EXPECT_EQ(unknown.status, 500);
  EXPECT_EQ(unknown.body, R"({"error":"Failed to publish activity"})");
  log_.answer(Receipt::not_kept, {ErrorKind::unavailable, "log_full", "full"});
  const http::Reply not_kept = post("/activity", activity("u"));
  EXPECT_EQ(not_kept.status, 503);
  EXPECT_EQ(retry_after(not_kept), "1");
}

TEST_F(IngestRoutes, AnswerABatchAsTheContractStates) {
  struct Case {
    std::string body;
    int status;
    std::string answer;  // its beginning
  };
  const std::vector<Case> cases{
      {"[" + activity("a") + "," + activity("b") + "]", 200, R"({"accepted":2,"rejected":[]})"},
      {activity("a") + "\r\n\r\n" + activity("b") + "\n", 200, R"({"accepted":2,"rejected":[]})"},
      {"[]", 200, R"({"accepted":0,"rejected":[]})"},
      {"[" + activity("a") + ",{}]", 200, R"({"accepted":1,"rejected":[{"index":1,"error":")"},
      {"[{}]", 400, R"({"accepted":0,"rejected":[{"index":0,"error":")"},
      {"null", 400, R"({"accepted":0,"rejected":[{"index":0,"error":")"},
      {"", 400, R"({"error":")"},
      {"[" + activity("a"), 400, R"({"error":")"},
      {"\xEF\xBB\xBF[]", 400, R"({"error":")"},
  };
  for (const Case& sent : cases) {
    const http::Reply reply = post("/activities", sent.body);
    EXPECT_EQ(reply.status, sent.status) << sent.body;
    EXPECT_EQ(reply.body.substr(0, sent.answer.size()), sent.answer);
  }
}

TEST_F(IngestRoutes, NameTheItemsOfABatchThatMayNotBeStored) {
  const std::string body = "[{}," + activity("a") + "," + activity("b") + "]";
  log_.answer_next({Receipt::kept, Receipt::unknown});
  const http::Reply some = post("/activities", body);
  EXPECT_EQ(some.status, 500);
  EXPECT_EQ(some.body.substr(0, 25), R"({"accepted":1,"rejected":)");
  EXPECT_TRUE(some.body.ends_with(R"(],"failed":[2]})")) << some.body;
  log_.answer_next({Receipt::unknown, Receipt::unknown});
  EXPECT_TRUE(post("/activities", body).body.ends_with(R"(],"failed":[1,2]})"));
  log_.answer_next({Receipt::not_kept, Receipt::not_kept});
  const http::Reply none = post("/activities", body);
  EXPECT_EQ(none.status, 503);
  EXPECT_EQ(retry_after(none), "1");
}

// A record that the log cannot store is 4xx, so that clients do not send it again.
TEST_F(IngestRoutes, Fault17RejectWhatTheLogCanNeverStore) {
  log_.answer(Receipt::not_kept,
              {ErrorKind::invalid, "record_too_large", "the broker takes no record of this size"});
  const http::Reply one = post("/activity", activity("u"));
  EXPECT_EQ(one.status, 413);
  EXPECT_EQ(one.body, R"({"error":"the broker takes no record of this size"})");
  const http::Reply batch = post("/activities", activity("u"));
  EXPECT_EQ(batch.status, 400);
  EXPECT_EQ(batch.body,
            R"({"accepted":0,"rejected":[{"index":0,"error":"the broker takes no record of this size"}]})");
  EXPECT_EQ(log_.appends().size(), 2u);
}

TEST_F(IngestRoutes, SendRetryAfterWhileAppendsFail) {
  log_.answer(Receipt::not_kept, {ErrorKind::unavailable, "timed_out", "no broker answered"});
  for (int failure = 0; failure < 5; ++failure) EXPECT_EQ(retry_after(post("/activity", activity("u"))), "1");
  mono_ += std::chrono::seconds{1};
  post("/activity", activity("u"));  // the probe
  for (const std::string_view path : {"/activity", "/activities"}) {
    const http::Reply open = post(path, activity("u"));
    EXPECT_EQ(open.status, 503);
    EXPECT_EQ(retry_after(open), "2");
  }
}

TEST_F(IngestRoutes, Answer503WhileShuttingDown) {
  intake_.drain();
  for (const std::string_view path : {"/activity", "/activities"}) {
    const http::Reply reply = post(path, activity("u"));
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.body, R"({"error":"shutting down"})");
    EXPECT_EQ(retry_after(reply), "1");
  }
}

}  // namespace
}  // namespace weir::routes
