#include "segment/segment_items.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "base/limits.hpp"

namespace weir::segment {
namespace {

constexpr WallTime now{std::chrono::sys_days{std::chrono::January / 15 / 2024}};

// What a reader returned: an item each, "good" or the code of its rejection; then the code of the error.
struct Outcome {
  std::vector<std::string> items;
  std::string error;
  std::string write_key;
};

Outcome read(std::string body, std::optional<EventType> type = std::nullopt) {
  const std::size_t size = body.size();
  body.append(limits::json_slack_bytes, '\0');
  Translator translator;
  SegmentItems items(std::string_view(body).substr(0, size), type, translator, now);
  Outcome outcome{.write_key = std::string(items.write_key())};
  while (true) {
    const auto item = items.next();
    if (!item) {
      outcome.error = item.error().code;
      EXPECT_EQ(item.error().kind, ErrorKind::invalid);
    }
    if (!item || !*item) return outcome;
    EXPECT_EQ((*item)->index, outcome.items.size());
    outcome.items.emplace_back((*item)->rejection ? (*item)->rejection->code : "good");
  }
}

const std::string good = R"({"type":"page","userId":"u"})";

TEST(SegmentItems, Fault6KeepsAFaultOfOneEventToThatEvent) {
  struct Case {
    std::string event;
    std::string code;
  };
  const std::vector<Case> cases{
      {"1", "not_an_object"},
      {"null", "not_an_object"},
      {R"({"type":"page","userId":nul})", "not_json"},
      {R"({"type":"page","userId":"\x"})", "not_json"},
      {"{\"type\":\"page\",\"userId\":\"\xC0\xAF\"}", "bad_utf8"},
      {R"({"type":"page","userId":"u","x":)" + std::string(40, '[') + std::string(40, ']') + "}", "too_deep"},
      {R"({"type":"page"})", "user_id_missing"},
      {R"({"type":"page","userId":")" + std::string(limits::segment_event_bytes_max, 'u') + R"("})",
       "event_too_large"},
  };
  for (const auto& [event, code] : cases) {
    const Outcome outcome = read(R"({"batch":[)" + good + "," + event + " , " + good + "]}");
    EXPECT_EQ(outcome.items, (std::vector<std::string>{"good", code, "good"})) << event.substr(0, 60);
    EXPECT_EQ(outcome.error, "");
  }
}

TEST(SegmentItems, RejectABodyThatIsNoBatch) {
  struct Case {
    std::string body;
    std::string code;
  };
  const std::vector<Case> cases{
      {"", "not_json"},
      {"null", "not_json"},
      {"[" + good + "]", "not_json"},
      {"\xEF\xBB\xBF{\"batch\":[]}", "not_json"},
      {R"({"batch":[]} x)", "not_json"},
      {R"({"batch":[])", "not_json"},
      {R"({"batch":[)", "not_json"},
      {R"({"batch":)", "not_json"},
      {R"({"batch"})", "not_json"},
      {R"({"batch":})", "not_json"},
      {R"({batch:[]})", "not_json"},
      {R"({"batch":[],})", "not_json"},
      {R"({"batch":[,]})", "not_json"},
      {R"({"batch":[1 2]})", "not_json"},
      {"{}", "batch_invalid"},
      {R"({"batch":{}})", "batch_invalid"},
      {R"({"batch":"[]"})", "batch_invalid"},
      {R"({"batch":[],"x":")" + std::string(limits::segment_body_bytes_max, 'x') + R"("})", "body_too_large"},
  };
  for (const auto& [body, code] : cases) EXPECT_EQ(read(body).error, code) << body.substr(0, 60);
}

TEST(SegmentItems, TakeABatchOf2500EventsAndNoMore) {
  const auto batch_of = [](std::size_t events) {
    std::string body = R"({"batch":[)";
    for (std::size_t event = 0; event < events; ++event) body += (event > 0 ? "," : "") + good;
    return body + "]}";
  };
  EXPECT_EQ(read(batch_of(0)).items.size(), 0u);
  EXPECT_EQ(read(batch_of(0)).error, "");
  EXPECT_EQ(read(batch_of(2500)).items.size(), 2500u);
  EXPECT_EQ(read(batch_of(2500)).error, "");
  EXPECT_EQ(read(batch_of(2501)).error, "too_many_events");
}

TEST(SegmentItems, FindTheWriteKeyAndSentAtAnywhereInTheBody) {
  EXPECT_EQ(read(R"({"writeKey":"k1","batch":[]})").write_key, "k1");
  EXPECT_EQ(read(R"( { "batch" : [ ] , "context":{"writeKey":"no"}, "writeKey" : "k2" } )").write_key, "k2");
  EXPECT_EQ(read(R"({"userId":"u","writeKey":"k3"})", EventType::page).write_key, "k3");
  EXPECT_EQ(read(R"({"writeKey":7,"batch":[]})").write_key, "");
  EXPECT_EQ(read("{").write_key, "");

  std::string body = R"({"batch":[{"type":"page","userId":"u","timestamp":"2001-01-01T00:00:00Z"}],)"
                     R"("sentAt":"2001-01-01T00:00:09Z"})";
  const std::size_t size = body.size();
  body.append(limits::json_slack_bytes, '\0');
  Translator translator;
  SegmentItems items(std::string_view(body).substr(0, size), std::nullopt, translator, now);
  const auto item = items.next();
  ASSERT_TRUE(item && *item);
  EXPECT_TRUE((*item)->event.contains(R"("timestamp":"2024-01-14T23:59:51Z")")) << (*item)->event;
}

TEST(SegmentItems, ReadABodyWithOneEvent) {
  EXPECT_EQ(read(R"({"userId":"u","event":"e"})", EventType::track).items, std::vector<std::string>{"good"});
  EXPECT_EQ(read(R"({"userId":"u"})", EventType::track).items,
            std::vector<std::string>{"activity_type_missing"});
  EXPECT_EQ(read("x", EventType::track).error, "not_json");
}

TEST(SegmentItems, PassOnTheErrorOfABodyThatCouldNotBeDecompressed) {
  Translator translator;
  SegmentItems items(fail(ErrorKind::invalid, "bad_encoding", "damaged"), std::nullopt, translator, now);
  const auto item = items.next();
  ASSERT_FALSE(item);
  EXPECT_EQ(item.error().code, "bad_encoding");
}

TEST(SegmentItems, NameMembersAsSegmentDoes) {
  EXPECT_EQ(in_segments_terms("user_id must be a string"), "userId or anonymousId must be a string");
  EXPECT_EQ(in_segments_terms("activity_type must be a string"), "event must be a string");
  EXPECT_EQ(in_segments_terms("not JSON: it is empty"), "not JSON: it is empty");
}

}  // namespace
}  // namespace weir::segment
