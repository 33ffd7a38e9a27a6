#include "routes/segment_routes.hpp"

#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "decompress/testing/compress.hpp"
#include "intake/testing/fake_event_log.hpp"
#include "telemetry/logger.hpp"

namespace weir::routes {
namespace {

using intake::Receipt;

constexpr WallTime now{std::chrono::sys_days{std::chrono::January / 15 / 2024}};
constexpr std::string_view success = R"({"success":true})";
const std::string good = R"({"type":"page","userId":"u","messageId":"m"})";
const std::string bad = R"({"type":"page"})";

class SegmentRoutes : public testing::Test {
 protected:
  http::Reply post(std::string_view path, std::string body,
                   std::vector<std::pair<std::string_view, std::string_view>> headers = {}) {
    const std::size_t size = body.size();
    body.append(limits::json_slack_bytes, '\0');
    http::Reply answer{.status = 0};
    for (const http::Route& route : routes_) {
      if (route.path == path)
        route.handle(http::Request{.method = "POST",
                                   .path = path,
                                   .body = std::string_view(body).substr(0, size),
                                   .headers = std::move(headers)},
                     [&](http::Reply reply) { answer = std::move(reply); });
    }
    return answer;
  }
  http::Reply batch(const std::string& events) { return post("/v1/batch", R"({"batch":[)" + events + "]}"); }

  intake::FakeEventLog log_;
  std::unique_ptr<telemetry::Logger> logger_ = telemetry::make_silent_logger();
  MonoTime mono_;
  intake::Intake intake_{log_, {}, [this] { return mono_; }, *logger_};
  std::vector<http::Route> routes_ = segment_routes(intake_, [] { return now; });
};

std::string header(const http::Reply& reply, std::string_view wanted) {
  for (const auto& [name, value] : reply.headers)
    if (name == wanted) return value;
  return "";
}

TEST_F(SegmentRoutes, AcceptEveryPathOfTheApi) {
  const std::vector<std::pair<std::string, std::string>> types{
      {"track", "Signed Up"},   {"page", "page_view"}, {"screen", "screen_view"},
      {"identify", "identify"}, {"group", "group"},    {"alias", "alias"}};
  for (const auto& [name, activity_type] : types) {
    for (const std::string& path : {"/v1/" + name, "/v1/" + name.substr(0, 1)}) {
      const http::Reply reply = post(path, R"({"userId":"u","event":"Signed Up"})");
      EXPECT_EQ(reply.status, 200) << path;
      EXPECT_EQ(reply.body, success);
      EXPECT_TRUE(log_.kept().back().value.contains(R"("activity_type":")" + activity_type + '"')) << path;
      EXPECT_EQ(log_.kept().back().key, "u");
    }
  }
  for (const std::string path : {"/v1/batch", "/v1/b", "/v1/import"}) {
    const std::size_t before = log_.kept().size();
    EXPECT_EQ(post(path, R"({"batch":[)" + good + "," + good + "]}").body, success) << path;
    EXPECT_EQ(log_.kept().size(), before + 2);
  }
  for (const http::Route& route : routes_) EXPECT_TRUE(route.cross_origin);
}

TEST_F(SegmentRoutes, Fault6AcceptTheGoodEventsOfABatchAndCountTheOthers) {
  const http::Reply all = batch(good);
  EXPECT_EQ(header(all, "X-Weir-Rejected"), "");
  const http::Reply some = batch(good + "," + bad + "," + good + ",7");
  EXPECT_EQ(some.status, 200);
  EXPECT_EQ(some.body, success);
  EXPECT_EQ(header(some, "X-Weir-Rejected"), "2");
  EXPECT_EQ(log_.kept().size(), 3u);
  const http::Reply none = batch(bad);
  EXPECT_EQ(none.status, 200) << "a 4xx would give up good events of later batches with the same fault";
  EXPECT_EQ(header(none, "X-Weir-Rejected"), "1");
  EXPECT_EQ(intake_.counts().rejected.of("user_id_missing"), 2u);
  EXPECT_EQ(intake_.counts().rejected.of("not_an_object"), 1u);
}

TEST_F(SegmentRoutes, RefuseWhatIsWrongAsAWholeWith400) {
  EXPECT_EQ(post("/v1/batch", "").status, 400);
  EXPECT_EQ(post("/v1/batch", "{}").status, 400);
  EXPECT_EQ(batch(std::string(limits::segment_body_bytes_max, ' ')).status, 400);
  const http::Reply one = post("/v1/track", R"({"event":"e"})");
  EXPECT_EQ(one.status, 400);
  EXPECT_EQ(one.body, R"({"error":"userId or anonymousId is required"})");
  EXPECT_EQ(post("/v1/track", R"({"userId":"u","event":"e","x":")" +
                                  std::string(limits::segment_event_bytes_max, 'x') + R"("})")
                .status,
            400);
  EXPECT_TRUE(post("/v1/page", R"({"userId":" "})").body.contains("userId or anonymousId must be"));
  EXPECT_TRUE(log_.kept().empty());
}

TEST_F(SegmentRoutes, Fault14AcceptGzipOfWhichOnlyTheFirstBytesTell) {
  const std::string body = decompress::gzip_of(R"({"batch":[)" + good + "]}");
  EXPECT_EQ(post("/v1/batch", body, {{"Content-Type", "application/x-www-form-urlencoded"}}).body, success);
  EXPECT_EQ(log_.kept().size(), 1u);
  EXPECT_EQ(post("/v1/batch", body.substr(0, body.size() - 9)).status, 400);
  EXPECT_EQ(
      post("/v1/batch", decompress::gzip_of(std::string(limits::segment_body_bytes_max + 1, ' '))).status,
      400);
  EXPECT_EQ(post("/v1/batch", decompress::gzip_of(body)).status, 400) << "gzip in gzip";
  EXPECT_EQ(post("/v1/batch", body, {{"Content-Encoding", "gzip"}}).status, 400)
      << "the server has decompressed it once";
}

TEST_F(SegmentRoutes, Fault14AnswerSoThatClientsSendAgainWhatMayNotBeKept) {
  log_.answer(Receipt::unknown, {ErrorKind::internal, "disk", "disk"});
  EXPECT_EQ(batch(good).status, 500);
  log_.answer(Receipt::not_kept, {ErrorKind::unavailable, "log_full", "full"});
  const http::Reply not_kept = batch(good);
  EXPECT_EQ(not_kept.status, 503);
  EXPECT_EQ(header(not_kept, "Retry-After"), "1");
  log_.answer_next({Receipt::kept, Receipt::not_kept}, {ErrorKind::unavailable, "log_full", "full"});
  EXPECT_EQ(batch(good + "," + good).status, 500);
  intake_.drain();
  EXPECT_EQ(batch(good).status, 503);
}

TEST_F(SegmentRoutes, GiveTheWriteKeyOfTheBodyToTheCheck) {
  std::vector<std::string> keys;
  routes_ = segment_routes(
      intake_, [] { return now; },
      [&keys](const http::Request&, std::string_view key) -> std::optional<http::Reply> {
        keys.emplace_back(key);
        if (key == "right") return std::nullopt;
        return http::error_reply(401, "the write key is missing");
      });
  EXPECT_EQ(post("/v1/batch", R"({"batch":[)" + good + R"(],"writeKey":"right"})").status, 200);
  EXPECT_EQ(batch(good).status, 401);
  EXPECT_EQ(post("/v1/page", R"({"userId":"u","writeKey":"wrong"})").status, 401);
  EXPECT_EQ(keys, (std::vector<std::string>{"right", "", "wrong"}));
  EXPECT_EQ(log_.kept().size(), 1u);
  EXPECT_FALSE(log_.kept()[0].value.contains("right"));
}

}  // namespace
}  // namespace weir::routes
