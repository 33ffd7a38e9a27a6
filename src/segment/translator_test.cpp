#include "segment/translator.hpp"

#include <gtest/gtest.h>
#include <string>

#include "activity/decoder.hpp"
#include "base/limits.hpp"

namespace weir::segment {
namespace {

using namespace std::chrono_literals;

constexpr WallTime now{std::chrono::sys_days{std::chrono::January / 15 / 2024} + 12h};
constexpr std::string_view at_now = R"("timestamp":"2024-01-15T12:00:00Z")";

class TranslatorTest : public testing::Test {
 protected:
  // The activity, or "code: text" of the error.
  std::string translate(std::string event, std::optional<EventType> type = std::nullopt,
                        std::string_view sent_at = "") {
    const std::size_t size = event.size();
    event.append(limits::json_slack_bytes, '\0');
    std::optional<activity::DateTime> sent;
    if (!sent_at.empty()) sent = *activity::parse_date_time(sent_at);
    const auto activity = translator_.translate(std::string_view(event).substr(0, size), type, sent, now);
    if (!activity) {
      EXPECT_EQ(activity.error().kind, ErrorKind::invalid);
      return std::string(activity.error().code) + ": " + activity.error().text;
    }
    const auto decoded = decoder_.decode(*activity);
    decodes_ = decoded ? "" : decoded.error().text;
    return std::string(*activity);
  }
  std::string time_of(const std::string& members, std::string_view sent_at = "") {
    const std::string activity =
        translate(R"({"userId":"u","event":"e")" + members + "}", EventType::track, sent_at);
    const std::size_t begin = activity.find(R"("timestamp":")") + 13;
    return activity.substr(begin, activity.find('"', begin) - begin);
  }

  Translator translator_;
  activity::Decoder decoder_;
  std::string decodes_;  // the error of the decoder of activities; empty if it accepts the translation
};

TEST_F(TranslatorTest, TranslatesEachTypeIntoAnActivityThatDecodes) {
  struct Case {
    std::string event;
    std::string activity;  // without its timestamp
  };
  const std::vector<Case> cases{
      {R"({"type":"track","userId":"u","event":"Order Placed","messageId":"m","properties":{"total":7,"plan":"pro"}})",
       R"({"user_id":"u","activity_type":"Order Placed",@,"message_id":"m","metadata":{"total":7,"plan":"pro"}})"},
      {R"({"type":"page","anonymousId":"a","properties":{"url":"https://x.example/p?q","referrer":"https://y.example/","title":"T"}})",
       R"({"user_id":"a","activity_type":"page_view",@,"metadata":{"page_url":"https://x.example/p?q","referrer":"https://y.example/","title":"T"}})"},
      {R"({"type":"screen","userId":"u","name":"Home"})",
       R"({"user_id":"u","activity_type":"screen_view",@,"metadata":{},"name":"Home"})"},
      {R"({"type":"identify","userId":"u","traits":{"email":"a@b"}})",
       R"({"user_id":"u","activity_type":"identify",@,"metadata":{},"traits":{"email":"a@b"}})"},
      {R"({"type":"group","userId":"u","groupId":"g"})",
       R"({"user_id":"u","activity_type":"group",@,"metadata":{},"groupId":"g"})"},
      {R"({"type":"alias","userId":"u","previousId":"p"})",
       R"({"user_id":"u","activity_type":"alias",@,"metadata":{},"previousId":"p"})"},
  };
  for (const Case& each : cases) {
    std::string expected = each.activity;
    expected.replace(expected.find('@'), 1, at_now);
    EXPECT_EQ(translate(each.event), expected);
    EXPECT_EQ(decodes_, "") << each.event;
  }
}

TEST_F(TranslatorTest, TakesTheTypeOfThePathAndIgnoresThatOfTheEvent) {
  EXPECT_TRUE(translate(R"({"type":"track","userId":"u"})", EventType::page)
                  .contains(R"("activity_type":"page_view")"));
}

TEST_F(TranslatorTest, TakesUserIdElseAnonymousIdAndMakesNumbersText) {
  struct Case {
    std::string ids;
    std::string user_id;
  };
  const std::vector<Case> cases{
      {R"("userId":"u","anonymousId":"a")", R"("u")"},
      {R"("userId":null,"anonymousId":"a")", R"("a")"},
      {R"("userId":"","anonymousId":"a")", R"("a")"},
      {R"("anonymousId":17)", R"("17")"},
      {R"("userId" : 4211 )", R"("4211")"},
      {R"("userId":"u\u00e9\"")", R"("u\u00e9\"")"},
      {R"("userId":"u","anonymousId":{})", R"("u")"},
      {R"("user\u0049d":"u")", R"("u")"},
      {R"("userId":"u","user_id":"other")", R"("u")"},
  };
  for (const auto& [ids, user_id] : cases) {
    const std::string activity = translate(R"({"event":"e",)" + ids + "}", EventType::track);
    EXPECT_TRUE(activity.starts_with(R"({"user_id":)" + user_id + ",")) << ids << " " << activity;
    EXPECT_EQ(decodes_, "") << ids;
  }
  EXPECT_TRUE(translate(R"({"userId":1,"messageId":42})", EventType::page).contains(R"("message_id":"42")"));
}

TEST_F(TranslatorTest, RejectsAnEventByTheNameOfItsMember) {
  struct Case {
    std::string event;
    std::string error;
  };
  const std::vector<Case> cases{
      {R"({"type":"track","event":"e"})", "user_id_missing: userId or anonymousId is required"},
      {R"({"type":"track","event":"e","userId":""})", "user_id_missing: userId or anonymousId is required"},
      {R"({"type":"page","userId":{"a":1}})",
       R"(user_id_invalid: userId must be a string or a number, found {"a":1})"},
      {R"({"type":"page","anonymousId":true})",
       "user_id_invalid: anonymousId must be a string or a number, found true"},
      {R"({"type":"track","userId":"u"})", "activity_type_missing: event is missing: track requires it"},
      {R"({"type":"track","userId":"u","event":7})",
       "activity_type_invalid: event must be a string, found 7"},
      {R"({"type":"page","userId":"u","messageId":[]})",
       "message_id_invalid: messageId must be a string or a number, found []"},
      {R"({"userId":"u"})",
       "type_invalid: type must be track, page, screen, identify, group or alias, found none"},
      {R"({"type":"delete","userId":"u"})",
       R"(type_invalid: type must be track, page, screen, identify, group or alias, found "delete")"},
      {R"({"type":"page","userId":"u","userId":"v"})",
       R"(member_repeated: the event has the member "userId" more than once)"},
      {R"({"type":"page","userId":"u","properties":[]})",
       "metadata_invalid: properties must be an object, null or left out, found an array"},
      {"[]", "not_an_object: an event must be one JSON object, found an array"},
      {R"({"type":"page"} {})",
       R"(not_json: not JSON: expected nothing after the event at byte 16, found "{}")"},
      {"", "not_json: not JSON: it is empty"},
  };
  for (const auto& [event, error] : cases) EXPECT_EQ(translate(event), error);
}

TEST_F(TranslatorTest, LeavesTheRulesOfActivitiesToTheirDecoder) {
  translate(R"({"type":"track","userId":")" + std::string(257, 'u') + R"(","event":"e"})");
  EXPECT_TRUE(decodes_.starts_with("user_id must be")) << decodes_;
  translate(R"({"type":"track","userId":"u","event":"  "})");
  EXPECT_TRUE(decodes_.starts_with("activity_type must be")) << decodes_;
  translate(R"({"type":"page","userId":"u","extra":1,"extra":2})");
  EXPECT_TRUE(decodes_.contains("more than once")) << decodes_;
}

TEST_F(TranslatorTest, TakesTheUrlsOfPropertiesElseOfTheContext) {
  struct Case {
    std::string members;
    std::string metadata;
  };
  const std::string context = R"("context":{"page":{"url":"/c","referrer":"/r"}})";
  const std::vector<Case> cases{
      {R"("properties":{"url":"/p"},)" + context, R"({"page_url":"/p","referrer":"/r"},)" + context},
      {R"("properties":{"url":"","referrer":""},)" + context,
       R"({"page_url":"/c","referrer":"/r"},)" + context},
      {R"("properties":null,)" + context, R"({"page_url":"/c","referrer":"/r"},)" + context},
      {R"("properties":{"url":7,"referrer":null})", R"({"url":7})"},
      {R"("properties":{"page_url":"/p","x":{"url":1}})", R"({"page_url":"/p","x":{"url":1}})"},
      {R"("context":{"page":[],"ip":"1.2.3.4"})", R"({},"context":{"page":[],"ip":"1.2.3.4"})"},
      {R"("context":"none")", R"({},"context":"none")"},
  };
  for (const auto& [members, metadata] : cases) {
    const std::string activity = translate(R"({"userId":"u",)" + members + "}", EventType::page);
    EXPECT_TRUE(activity.ends_with(R"("metadata":)" + metadata + "}")) << activity;
    EXPECT_EQ(decodes_, "") << members;
  }
}

TEST_F(TranslatorTest, CutsALongUrlAtACharacter) {
  std::string url = "https://x.example/";
  while (url.size() < limits::url_bytes_max + 100) url += "é";
  const std::string activity =
      translate(R"({"userId":"u","properties":{"url":")" + url + R"("}})", EventType::page);
  EXPECT_TRUE(activity.contains(R"("page_url":")" + url.substr(0, limits::url_bytes_max) + '"'));
  EXPECT_EQ(decodes_, "");
}

TEST_F(TranslatorTest, KeepsNoWriteKeyAndNoMemberOfAnActivity) {
  const std::string activity = translate(
      R"({"userId":"u","writeKey":"secret","activity_type":"x","message_id":1,"metadata":[],"integrations":{}})",
      EventType::page);
  EXPECT_FALSE(activity.contains("secret"));
  EXPECT_TRUE(activity.ends_with(R"("metadata":{},"integrations":{}})")) << activity;
  EXPECT_EQ(decodes_, "");
}

TEST_F(TranslatorTest, Fault5CorrectsTheTimeByTheClockOfTheClientAndElseTakesNow) {
  struct Case {
    std::string members;
    std::string sent_at;
    std::string time;
  };
  const std::string of_now = "2024-01-15T12:00:00Z";
  const std::vector<Case> cases{
      {"", "", of_now},
      {R"(,"timestamp":"2020-02-29T00:00:00.5Z")", "", "2020-02-29T00:00:00.500Z"},
      {R"(,"timestamp":"2024-01-15T03:00:00Z")", "2024-01-15T03:01:00Z", "2024-01-15T11:59:00Z"},
      {R"(,"timestamp":"2024-01-15T03:00:00+02:00")", "2024-01-15T01:00:10.25Z", "2024-01-15T11:59:49.750Z"},
      {R"(,"timestamp":"0001-01-01T00:00:00Z")", "0001-01-01T00:00:30Z", "2024-01-15T11:59:30Z"},
      {R"(,"timestamp":"2024-01-15T03:00:05Z")", "2024-01-15T03:00:00Z", "2024-01-15T12:00:05Z"},
      // The event's own sentAt, where the batch has none.
      {R"(,"timestamp":"2024-01-15T03:00:00Z","sentAt":"2024-01-15T03:00:01Z")", "", "2024-01-15T11:59:59Z"},
      {R"(,"timestamp":"2024-01-15T03:00:00Z","sentAt":"yesterday")", "", "2024-01-15T03:00:00Z"},
      // Out of range, or no date-time.
      {R"(,"timestamp":"1989-12-31T23:59:59Z")", "", of_now},
      {R"(,"timestamp":"1990-01-01T00:00:00Z")", "", "1990-01-01T00:00:00Z"},
      {R"(,"timestamp":"2024-01-16T12:00:01Z")", "", of_now},
      {R"(,"timestamp":"2024-01-16T12:00:00.001Z")", "", of_now},
      {R"(,"timestamp":"2024-01-16T12:00:00Z")", "", "2024-01-16T12:00:00Z"},
      {R"(,"timestamp":"9999-12-31T23:59:59Z")", "0000-01-01T00:00:00Z", of_now},
      {R"(,"timestamp":"0000-01-01T00:00:00Z")", "9999-12-31T23:59:59Z", of_now},
      {R"(,"timestamp":"2023-02-29T00:00:00Z")", "", of_now},
      {R"(,"timestamp":1700000000000)", "", of_now},
      {R"(,"timestamp":null)", "", of_now},
      {R"(,"timestamp":{})", "", of_now},
  };
  for (const auto& [members, sent_at, time] : cases) {
    EXPECT_EQ(time_of(members, sent_at), time) << members << " " << sent_at;
    EXPECT_EQ(decodes_, "") << members;
  }
}

}  // namespace
}  // namespace weir::segment
