#include "activity/activity_json.hpp"

#include <gtest/gtest.h>

#include "activity/decoder.hpp"
#include "base/limits.hpp"

namespace weir::activity {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

constexpr EventTime time{1432062000s};

std::string written(const NewActivity& activity) {
  std::string out;
  append_activity(out, activity);
  out.reserve(out.size() + limits::json_slack_bytes);
  return out;
}

TEST(ActivityJson, WritesOnlyThePresentMembers) {
  EXPECT_EQ(written({.user_id = "u", .activity_type = "request", .timestamp = time}),
            R"({"user_id":"u","activity_type":"request","timestamp":"2015-05-19T19:00:00Z"})");
  const std::array<std::pair<std::string_view, std::string_view>, 2> extra{
      {{"status", "200"}, {"method", "GET"}}};
  EXPECT_EQ(
      written({.user_id = "u",
               .activity_type = "page_view",
               .timestamp = time + 5ms,
               .page_url = "/a\"b",
               .referrer = "",
               .message_id = "m",
               .extra = extra}),
      R"({"user_id":"u","activity_type":"page_view","timestamp":"2015-05-19T19:00:00.005Z","message_id":"m",)"
      R"("metadata":{"page_url":"/a\"b","referrer":"","status":"200","method":"GET"}})");
}

TEST(ActivityJson, IsAcceptedByTheDecoderWhateverTheTextsHold) {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  std::string long_text;
  while (long_text.size() < 5000) long_text += "\u20ac\xFF\0"s;
  activity::Decoder decoder;
  for (const std::string& text :
       {every_byte, long_text, std::string(5000, 'x'), std::string(5000, '\xC3'), "\xF0\x9F\x98"s,
        "\xED\xA0\x80"s, "\0"s, "\""s, "\\"s, "</script>\u2028"s}) {
    const std::array<std::pair<std::string_view, std::string_view>, 1> extra{{{"user_agent", text}}};
    const std::string json = written({.user_id = text,
                                      .activity_type = text,
                                      .timestamp = time,
                                      .page_url = text,
                                      .referrer = text,
                                      .message_id = text,
                                      .extra = extra});
    EXPECT_EQ(json.find('\n'), std::string::npos);
    const auto read = decoder.decode(json);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(read->timestamp, time);
  }
}

TEST(ActivityJson, KeepsValidCharactersAndReplacesOtherBytes) {
  activity::Decoder decoder;
  const auto read_back = [&](std::string_view page_url) {
    const std::string json =
        written({.user_id = "u", .activity_type = "a", .timestamp = time, .page_url = page_url});
    const auto read = decoder.decode(json);
    return std::string(read.value().metadata.page_url.value());
  };
  EXPECT_EQ(read_back("/\u00fc\u20ac\U0001F600\t\x01"), "/\u00fc\u20ac\U0001F600\t\x01");
  EXPECT_EQ(read_back("/a\xFF"
                      "b\xC3"
                      "c\0d"s),
            "/a\uFFFDb\uFFFDc\uFFFDd");
  EXPECT_EQ(read_back("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(read_back(std::string(2047, 'x') + "\u20ac"), std::string(2047, 'x'));
  EXPECT_EQ(read_back(std::string(2045, 'x') + "\u20ac"), std::string(2045, 'x') + "\u20ac");
}

TEST(ActivityJson, WritesTheStatusAsANumber) {
  std::string out;
  append_activity(out, {.user_id = "u", .activity_type = "request", .timestamp = EventTime{}, .status = 304});
  EXPECT_TRUE(out.ends_with(R"("metadata":{"status":304}})")) << out;
}

}  // namespace
}  // namespace weir::activity
