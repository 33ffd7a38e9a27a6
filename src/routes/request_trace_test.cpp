#include "routes/request_trace.hpp"

#include <gtest/gtest.h>

#include "intake/testing/fake_event_log.hpp"
#include "routes/ingest_routes.hpp"
#include "telemetry/logger.hpp"

namespace weir::routes {
namespace {

using namespace std::chrono_literals;

const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string traceparent = "00-" + trace + "-00f067aa0ba902b7-01";
using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

TEST(TraceContext, IsReadFromTheHeadersInAnyCase) {
  http::Request request{
      .headers = {{"Host", "x"}, {"TraceParent", traceparent}, {"tracestate", "a=1"}, {"Tracestate", "b=2"}}};
  const auto context = trace_context_of(request);
  ASSERT_TRUE(context);
  EXPECT_EQ(tracing::to_traceparent(*context), traceparent);
  EXPECT_EQ(context->state, "a=1,b=2");
  request.headers = {{"tracestate", "a=1"}};
  EXPECT_FALSE(trace_context_of(request)) << "tracestate alone means nothing";
  request.headers = {{"traceparent", traceparent}, {"traceparent", traceparent}};
  EXPECT_FALSE(trace_context_of(request)) << "two of them are malformed";
}

struct Spans final : tracing::SpanSink {
  void add(tracing::Span span) override { all.push_back(std::move(span)); }
  std::vector<tracing::Span> all;
};

class RequestTrace : public testing::Test {
 protected:
  int post(std::string_view path, std::string body, const Headers& headers) {
    body.append(limits::json_slack_bytes, '\0');
    const std::string_view sent = std::string_view(body).substr(0, body.size() - limits::json_slack_bytes);
    int status = 0;
    for (const http::Route& route : ingest_routes(intake_, [] { return WallTime(1'700'000'000s); }, tracing_))
      if (route.path == path)
        route.handle(http::Request{.method = "POST", .path = path, .body = sent, .headers = headers},
                     [&](http::Reply reply) { status = reply.status; });
    return status;
  }

  const std::string event_ = R"({"user_id":"u","activity_type":"t","timestamp":"2023-01-15T00:00:00Z"})";
  intake::FakeEventLog log_;
  std::unique_ptr<telemetry::Logger> logger_ = telemetry::make_silent_logger();
  intake::Intake intake_{log_, {}, [] { return MonoTime(5s); }, *logger_};
  Spans spans_;
  tracing::Tracer tracer_{tracing::SamplerKind::parentbased_always_on, 1, spans_};
  IngestTracing tracing_{&tracer_, "kafka", "events"};
};

TEST_F(RequestTrace, RecordsAcceptAndPublishAndPutsPublishIntoEachRecord) {
  EXPECT_EQ(post("/activities", "[" + event_ + "," + event_ + ",{}]",
                 {{"traceparent", traceparent}, {"tracestate", "a=1"}}),
            200);
  ASSERT_EQ(spans_.all.size(), 2u);
  const tracing::Span& publish = spans_.all[0];
  const tracing::Span& accept = spans_.all[1];
  EXPECT_EQ(publish.name, "publish");
  EXPECT_EQ(publish.parent, accept.context.span);
  EXPECT_EQ(accept.name, "accept");
  EXPECT_TRUE(accept.parent_is_remote);
  const auto batch = log_.appends()[0];
  ASSERT_EQ(batch.records.size(), 2u);
  for (const auto& record : batch.records) {
    const auto& headers = batch.headers(record);
    ASSERT_EQ(headers.size(), 2u);
    EXPECT_EQ(headers[0].name, "traceparent");
    EXPECT_EQ(headers[0].value, tracing::to_traceparent(publish.context));
    EXPECT_EQ(headers[0].value.substr(3, 32), trace);
    EXPECT_EQ(headers[1].value, "a=1");
  }
}

TEST_F(RequestTrace, SaysWhyARequestFailed) {
  log_.answer(intake::Receipt::not_kept, {ErrorKind::unavailable, "log_full", "full"});
  EXPECT_EQ(post("/activity", event_, {}), 503);
  ASSERT_EQ(spans_.all.size(), 2u);
  for (const tracing::Span& span : spans_.all) {
    EXPECT_TRUE(span.failed) << span.name;
    EXPECT_EQ(span.error, "log_full") << span.name;
  }
  EXPECT_EQ(post("/activity", "{", {}), 400);
  ASSERT_EQ(spans_.all.size(), 3u) << "nothing was published";
  EXPECT_FALSE(spans_.all[2].failed) << "the client is to blame";
}

TEST_F(RequestTrace, PassesTheContextOnWithoutSpans) {
  tracing_.tracer = nullptr;
  EXPECT_EQ(post("/activity", event_, {{"traceparent", traceparent}}), 200);
  EXPECT_EQ(post("/activity", event_, {}), 200);
  EXPECT_EQ(post("/activity", event_, {{"traceparent", "nonsense"}}), 200);
  const auto appends = log_.appends();
  EXPECT_EQ(appends[0].headers(appends[0].records[0])[0].value, traceparent);
  EXPECT_TRUE(appends[1].headers(appends[1].records[0]).empty());
  EXPECT_TRUE(appends[2].headers(appends[2].records[0]).empty());
  EXPECT_TRUE(spans_.all.empty());
}

TEST_F(RequestTrace, BoundsTheHeadersOfAllRecordsTogether) {
  intake::EventBatch batch;
  batch.records.resize(100'000);
  batch.share({{"traceparent", traceparent}, {"tracestate", std::string(500, 'x')}});
  EXPECT_LE(batch.shared_header_bytes(), intake::shared_header_bytes_max);
  EXPECT_GT(batch.shared_header_bytes(), intake::shared_header_bytes_max - 1000);
  EXPECT_FALSE(batch.headers(batch.records[0]).empty());
  EXPECT_TRUE(batch.headers(batch.records[99'999]).empty());
  batch.records[0].headers = {{"weir.replay", "t/0/1"}};
  EXPECT_EQ(batch.headers(batch.records[0])[0].name, "weir.replay");
}

TEST_F(RequestTrace, RecordsAQueryUntilItsReply) {
  http::Respond later;
  http::Route route{.method = "GET", .path = "/api/v1/top"};
  route.handle = [&](const http::Request&, http::Respond respond) { later = std::move(respond); };
  route = with_query_span(std::move(route), &tracer_);
  route.handle(
      http::Request{.method = "GET", .path = "/api/v1/top", .headers = {{"traceparent", traceparent}}},
      [](http::Reply) {});
  EXPECT_TRUE(spans_.all.empty());
  later(http::Reply{.status = 503, .code = "starting"});
  ASSERT_EQ(spans_.all.size(), 1u);
  EXPECT_EQ(spans_.all[0].name, "query");
  EXPECT_EQ(spans_.all[0].error, "starting");
}

}  // namespace
}  // namespace weir::routes
