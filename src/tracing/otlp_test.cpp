// tests/system/traces_test.py decodes both encodings with the package opentelemetry-proto. Here are the
// bytes of one small request, and the members of its JSON.
#include "tracing/otlp.hpp"

#include <gtest/gtest.h>

#include "tracing/settings.hpp"

namespace weir::tracing {
namespace {

using namespace std::chrono_literals;

Span one_span() {
  Span span{.name = "n", .kind = SpanKind::server};
  span.context.trace.fill(0x11);
  span.context.span.fill(0x22);
  span.context.sampled = true;
  span.start = std::chrono::sys_time<std::chrono::nanoseconds>(1ns);
  span.end = std::chrono::sys_time<std::chrono::nanoseconds>(2ns);
  return span;
}

TEST(Otlp, WritesProtobuf) {
  using namespace std::string_literals;
  const std::string bytes = encode(std::vector{one_span()}, {{"a", "b"}}, "1", Protocol::http_protobuf);
  const std::string span = "\x0a\x10"s + std::string(16, '\x11') + "\x12\x08"s + std::string(8, '\x22') +
                           "\x2a\x01n"s + "\x30\x02"s + "\x39\x01\0\0\0\0\0\0\0"s +
                           "\x41\x02\0\0\0\0\0\0\0"s + "\x85\x01\x01\x01\0\0"s;
  const auto length = [](const std::string& text) { return std::string(1, static_cast<char>(text.size())); };
  const std::string scope =
      "\x0a\x04weir\x12\x01"
      "1"s;
  const std::string spans = "\x0a"s + length(scope) + scope + "\x12"s + length(span) + span;
  const std::string resource =
      "\x0a\x08\x0a\x01"
      "a\x12\x03\x0a\x01"
      "b"s;
  const std::string all = "\x0a"s + length(resource) + resource + "\x12"s + length(spans) + spans;
  EXPECT_EQ(bytes, "\x0a"s + length(all) + all);
}

TEST(Otlp, WritesJson) {
  Span span = one_span();
  span.parent.fill(0x33);
  span.parent_is_remote = true;
  span.failed = true;
  span.error = "log_away";
  span.attributes = {{"http.route", "/activity"}, {"http.response.status_code", std::int64_t{503}}};
  span.links = {span.context};
  const std::string json = encode(std::vector{span}, {{"service.name", "weir"}}, "1", Protocol::http_json);
  EXPECT_EQ(
      json,
      R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"weir"}}]},)"
      R"("scopeSpans":[{"scope":{"name":"weir","version":"1"},"spans":[{)"
      R"("traceId":"11111111111111111111111111111111","spanId":"2222222222222222",)"
      R"("parentSpanId":"3333333333333333","flags":769,"name":"n","kind":2,)"
      R"("startTimeUnixNano":"1","endTimeUnixNano":"2","attributes":[)"
      R"({"key":"http.route","value":{"stringValue":"/activity"}},)"
      R"({"key":"http.response.status_code","value":{"intValue":"503"}}],)"
      R"("links":[{"traceId":"11111111111111111111111111111111","spanId":"2222222222222222","flags":769}],)"
      R"("droppedLinksCount":0,"status":{"message":"log_away","code":2}}]}]}]})");
}

TEST(TracingSettings, NamesTheUrlAndTheResource) {
  TracingSettings settings;
  EXPECT_FALSE(settings.is_on());
  settings.endpoint = "http://collector:4318/";
  EXPECT_TRUE(settings.is_on());
  EXPECT_EQ(settings.url(), "http://collector:4318/v1/traces");
  settings.traces_endpoint = "http://other:4318/traces";
  EXPECT_EQ(settings.url(), "http://other:4318/traces");
  settings.disabled = true;
  EXPECT_FALSE(settings.is_on());
  EXPECT_EQ(settings.resource("1").front().second, "weir");
  settings.resource_attributes = *parse_pairs("service.name=shop, deployment.environment = a%20b%2Cc");
  EXPECT_EQ(settings.resource("1").front().second, "shop");
  EXPECT_EQ(settings.resource("1")[1],
            (std::pair<std::string, std::string>{"deployment.environment", "a b,c"}));
  settings.service_name = "own";
  EXPECT_EQ(settings.resource("1").front().second, "own");
  EXPECT_FALSE(parse_pairs("name"));
  EXPECT_FALSE(parse_pairs("=value"));
  EXPECT_TRUE(parse_pairs("a=,")->front().second.empty());
}

}  // namespace
}  // namespace weir::tracing
