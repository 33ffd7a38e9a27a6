#include "activity/decoder.hpp"

#include <gtest/gtest.h>
#include <string>

#include "base/limits.hpp"

namespace weir::activity {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

// Decodes `json` from a buffer of exactly the size that the decoder may read. The bytes after the document
// would change its meaning if they were read as a part of it.
class PaddedDecoder {
 public:
  Result<UserActivity> decode(std::string_view json, std::vector<std::string> members = {}) {
    members_ = std::move(members);
    bytes_ = std::make_unique<char[]>(json.size() + limits::json_slack_bytes);
    std::ranges::copy(json, bytes_.get());
    constexpr std::string_view padding = R"(0"}],"user_id":"u\)";
    for (std::size_t each = 0; each < limits::json_slack_bytes; ++each) {
      bytes_[json.size() + each] = padding[each % padding.size()];
    }
    return decoder_.decode({bytes_.get(), json.size()}, members_);
  }

 private:
  Decoder decoder_;
  std::vector<std::string> members_;
  std::unique_ptr<char[]> bytes_;
};

constexpr std::string_view good_members =
    R"("user_id":"u1","activity_type":"page_view","timestamp":"2015-05-19T19:00:00Z")";

std::string event(std::string_view more) { return "{" + std::string(good_members) + std::string(more) + "}"; }

std::string event_with_metadata(std::string_view members) {
  return event(R"(,"metadata":{)" + std::string(members) + "}");
}

TEST(Decoder, ReadsEachMemberOfAnActivity) {
  PaddedDecoder decoder;
  const auto read = decoder.decode(
      R"( {"user_id" : "u1", "activity_type":"page_view","timestamp":"2015-05-19T21:00:00.5+02:00",
    "metadata":{"page_url":"/blog?x=1","referrer":"http://a.example/","more":[1,{"deep":null}]},
    "message_id":"m-1", "context":{"a":[true,false,null,-0.5e+3,"\u00e9"]}}
  )");
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->user_id, "u1");
  EXPECT_EQ(read->activity_type, "page_view");
  EXPECT_TRUE(read->is_page_view());
  EXPECT_EQ(read->timestamp, EventTime{1432062000500ms});
  EXPECT_EQ(read->metadata.page_url, "/blog?x=1");
  EXPECT_EQ(read->metadata.referrer, "http://a.example/");
  EXPECT_EQ(read->message_id, "m-1");
}

TEST(Decoder, ReadsAMemberOfMetadataThatTheCallerNames) {
  using enum MemberText::Kind;
  struct Case {
    std::string name, members;
    MemberText::Kind kind;
    std::string_view text;
    bool is_storable = true;
  };
  for (const Case& each :
       {Case{"session", R"("a":1,"session":"s\u00e4")", string, "sä"},
        Case{"session", R"("session" : -12.50e3 )", number, "-12.50e3"},
        Case{"session", R"("session":"")", string, ""}, Case{"session", R"("session":true)", boolean, "true"},
        Case{"session", R"("session" : false ,"b":1)", boolean, "false"},
        Case{"session", R"("session":null)", absent, ""}, Case{"session", R"("session":[1])", absent, ""},
        Case{"session", R"("session":{"session":"deeper"})", absent, ""},
        Case{"session", R"("other":{"session":"deeper"})", absent, ""},
        Case{"session", R"("session":"\u0000")", string, std::string_view("\0", 1), false},
        Case{"session", R"("session":"\ud800")", string, "\xED\xA0\x80", false},
        Case{"session", R"("\u0073ession":1)", number, "1"},
        Case{"page_url", R"("page_url":"/a")", string, "/a"},
        Case{"referrer", R"("referrer":null)", absent, ""},
        Case{"", R"("":"nameless")", string, "nameless"}}) {
    PaddedDecoder decoder;
    const auto read = decoder.decode(event_with_metadata(each.members), {each.name});
    ASSERT_TRUE(read) << read.error().text;
    ASSERT_EQ(read->metadata.members.size(), 1U);
    const MemberText& found = read->metadata.members.front();
    EXPECT_EQ(found.kind, each.kind) << each.members;
    EXPECT_EQ(found.text, each.text) << each.members;
    EXPECT_EQ(found.is_storable, each.is_storable) << each.members;
  }
}

TEST(Decoder, ReadsNamedMembersInTheOrderOfTheirNames) {
  PaddedDecoder decoder;
  const auto read =
      decoder.decode(event_with_metadata(R"("c":3,"a":"1","page_url":"/")"), {"a", "b", "c", "page_url"});
  ASSERT_TRUE(read) << read.error().text;
  std::string texts;
  for (const MemberText& each : read->metadata.members) texts += std::string(each.text) + ";";
  EXPECT_EQ(texts, "1;;3;/;");
  EXPECT_EQ(read->metadata.page_url, "/");
  EXPECT_TRUE(decoder.decode(event(R"(,"a":"not in metadata")"), {"a"})->metadata.members.front().text.empty());
  EXPECT_FALSE(decoder.decode(event_with_metadata(R"("a":-)"), {"a"}));
  EXPECT_FALSE(decoder.decode(event_with_metadata(R"("a":1,"a":2)"), {"a"})) << "repeated";
  EXPECT_TRUE(decoder.decode(event(""))->metadata.members.empty());
}

TEST(Decoder, LeavesAbsentMembersEmpty) {
  PaddedDecoder decoder;
  const auto bare = decoder.decode(event(""));
  ASSERT_TRUE(bare) << bare.error().text;
  EXPECT_FALSE(bare->message_id);
  EXPECT_FALSE(bare->metadata.page_url);
  const auto empty = decoder.decode(event_with_metadata(""));
  ASSERT_TRUE(empty) << empty.error().text;
  EXPECT_FALSE(empty->metadata.referrer);
}

TEST(Decoder, DependsOnNoEarlierEvent) {
  PaddedDecoder decoder;
  ASSERT_TRUE(decoder.decode(event(R"(,"message_id":"m","x":1)")));
  ASSERT_FALSE(decoder.decode(event(R"(,"x":1,"message_id":1)")));
  const auto read = decoder.decode(event(R"(,"x":1)"));
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_FALSE(read->message_id);
}

TEST(Decoder, UnderstandsEscapesInNamesAndValues) {
  PaddedDecoder decoder;
  const auto read = decoder.decode(
      R"({"\u0075ser_id":"\u00fc\ud83d\ude00\"\\\/\b\f\n\r\t","activity\u005Ftype":"a\u0062","timestamp":)"
      R"("2015\u002d05-19T19:00:00\u005a","metadat\u0061":{"page\u005furl":"\/p","referrer":"\u0008"}})");
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->user_id, "\u00fc\U0001F600\"\\/\b\f\n\r\t");
  EXPECT_EQ(read->activity_type, "ab");
  EXPECT_EQ(read->timestamp, EventTime{1432062000s});
  EXPECT_EQ(read->metadata.page_url, "/p");
  EXPECT_EQ(read->metadata.referrer, "\b");
}

struct Refusal {
  std::string json;
  std::string_view code;
  std::vector<std::string_view> words;
};

void expect_refused(const std::vector<Refusal>& refusals) {
  PaddedDecoder decoder;
  for (const Refusal& each : refusals) {
    const std::string shown = each.json.substr(0, 300);
    const auto read = decoder.decode(each.json);
    ASSERT_FALSE(read) << shown;
    EXPECT_EQ(read.error().kind, ErrorKind::invalid) << shown;
    EXPECT_EQ(read.error().code, each.code) << shown << " → " << read.error().text;
    for (const std::string_view word : each.words) {
      EXPECT_NE(read.error().text.find(word), std::string::npos) << shown << " → " << read.error().text;
    }
  }
}

// A valid event, but for the value of one member. An empty value leaves the member out.
std::string spoiled(std::string_view member, std::string_view value) {
  std::string json = "{";
  const std::array<std::pair<std::string_view, std::string_view>, 4> members{{
      {"user_id", R"("u1")"},
      {"activity_type", R"("page_view")"},
      {"timestamp", R"("2015-05-19T19:00:00Z")"},
      {"message_id", R"("m1")"},
  }};
  for (const auto& [name, valid] : members) {
    const std::string_view written = name == member ? value : valid;
    if (written.empty()) continue;
    if (json.size() > 1) json += ',';
    json += '"' + std::string(name) + "\":" + std::string(written);
  }
  return json + "}";
}

std::string in_quotes(std::string_view text) { return '"' + std::string(text) + '"'; }

TEST(Decoder, NamesAMissingMember) {
  expect_refused({
      {spoiled("user_id", ""), "user_id_missing", {"user_id", "required"}},
      {spoiled("activity_type", ""), "activity_type_missing", {"activity_type", "required"}},
      {spoiled("timestamp", ""), "timestamp_missing", {"timestamp", "required"}},
      {"{}", "user_id_missing", {"user_id"}},
      {R"({"User_Id":"a","userId":"b"})", "user_id_missing", {"user_id"}},
  });
}

TEST(Decoder, RefusesAStringMemberThatBreaksItsRule) {
  struct Member {
    std::string_view name;
    std::string_view code;
    std::size_t bytes_max;
  };
  for (const Member& member :
       {Member{"user_id", "user_id_invalid", 256}, Member{"activity_type", "activity_type_invalid", 128},
        Member{"message_id", "message_id_invalid", 128}}) {
    const auto refused = [&](std::string_view value, std::string_view found) {
      return Refusal{spoiled(member.name, value), member.code, {member.name, "must be a string", found}};
    };
    const std::string limit = "1 to " + std::to_string(member.bytes_max) + " bytes";
    if (member.name != "message_id") expect_refused({refused("null", "found null")});
    expect_refused({
        refused("1", "found a number"),
        refused("true", "found true"),
        refused("false", "found false"),
        refused("[\"a\"]", "found an array"),
        refused("{}", "found an object"),
        refused("\"\"", "found an empty one"),
        refused("\" \"", "found only white space"),
        refused(R"("\t \n\r")", "found only white space"),
        refused("\"\u00a0\u2003\u3000\u0085\u1680\u202f\u205f\u2028\"", "found only white space"),
        refused(R"("\u3000")", "found only white space"),
        refused(R"("a\u0000")", "U+0000"),
        refused(R"("\ud800")", "lone surrogate"),
        refused(R"("\udc00\ud800")", "lone surrogate"),
        refused(R"("\ud800\ud800\udc00")", "lone surrogate"),
        refused(R"("\ud800x")", "lone surrogate"),
        refused(in_quotes(std::string(member.bytes_max + 1, 'x')), limit),
        refused(in_quotes(std::string(member.bytes_max + 1, 'x')),
                std::to_string(member.bytes_max + 1) + " bytes"),
        refused(in_quotes(std::string(member.bytes_max - 1, 'x') + "\u00e9"), limit),
        refused(in_quotes(std::string(member.bytes_max - 1, 'x') + R"(\u00e9)"), limit),
    });
    PaddedDecoder decoder;
    for (const std::string& good : {in_quotes(std::string(member.bytes_max, 'x')),
                                    in_quotes(std::string(member.bytes_max - 1, 'x') + R"(\u0041)"),
                                    "\"\u3000x\""s, "\"\u200b\""s, R"("\u0001")"s, R"("\ud83d\ude00")"s}) {
      const auto read = decoder.decode(spoiled(member.name, good));
      EXPECT_TRUE(read) << good << ": " << read.error().text;
    }
  }
}

TEST(Decoder, RefusesAUrlThatBreaksItsRule) {
  for (const std::string name : {"page_url", "referrer"}) {
    const std::string code = name + "_invalid";
    const auto refused = [&](std::string_view value, std::string_view found) {
      return Refusal{event_with_metadata(in_quotes(name) + ":" + std::string(value)),
                     code,
                     {name, "must be a string of at most 2048 bytes", found}};
    };
    expect_refused({
        refused("1", "found a number"),
        refused("[]", "found an array"),
        refused("{}", "found an object"),
        refused(R"("/\u0000")", "U+0000"),
        refused(R"("/\udfff")", "lone surrogate"),
        refused(in_quotes(std::string(2049, 'x')), "2049 bytes"),
    });
    PaddedDecoder decoder;
    for (const std::string& good : {"\"\""s, "\" \""s, in_quotes(std::string(2048, 'x'))}) {
      const auto read = decoder.decode(event_with_metadata(in_quotes(name) + ":" + good));
      EXPECT_TRUE(read) << read.error().text;
    }
    EXPECT_TRUE(decoder.decode(event("," + in_quotes(name) + ":1")))
        << "outside of metadata it is any other member";
  }
}

TEST(Decoder, RefusesATimestampThatIsNotADateTime) {
  const auto refused = [](std::string_view value, std::string_view found) {
    return Refusal{spoiled("timestamp", value), "timestamp_invalid", {"timestamp", found}};
  };
  expect_refused({
      refused("null", "found null"),
      refused("1432062000", "found a number"),
      refused("{}", "found an object"),
      refused(R"("")", "not a date-time"),
      refused(R"("  ")", "not a date-time"),
      refused(R"("yesterday")", "RFC 3339"),
      refused(R"("2015-05-19T19:00:00")", "offset"),
      refused(R"("2015-05-19T19:00:00+24:00")", "offset"),
      refused(R"("1970-01-01T00:00:00Z")", "the year must be from 1990 to 2261 in UTC"),
      refused(R"("0001-01-01T00:00:00Z")", "the year must be from 1990 to 2261 in UTC, found \"0001-"),
      refused(R"("9999-12-31T23:59:59Z")", "the year must be from 1990 to 2261 in UTC, found \"9999-"),
      refused(R"("1990-01-01T00:30:00+01:00")", "the year must be from 1990"),
      refused(R"("2016-12-31T23:59:61Z")", "no such time of day"),
      refused(R"("2015-05-19T19:00:00Z\u0000")", "offset"),
  });
}

TEST(Decoder, RefusesMetadataThatIsNotAnObject) {
  for (const std::string value : {"1", "\"x\"", "[]", "[{}]", "true"}) {
    expect_refused({{event(R"(,"metadata":)" + value), "metadata_invalid", {"metadata must be an object"}}});
  }
}

TEST(Decoder, ReadsNullAsAnAbsentOptionalMember) {
  PaddedDecoder decoder;
  const auto bare = decoder.decode(event(R"(,"message_id":null,"metadata":null)"));
  ASSERT_TRUE(bare) << bare.error().text;
  EXPECT_EQ(bare->message_id, std::nullopt);
  EXPECT_EQ(bare->metadata.page_url, std::nullopt);
  const auto inner = decoder.decode(event_with_metadata(R"("page_url":null,"referrer" : null ,"own":null)"));
  ASSERT_TRUE(inner) << inner.error().text;
  EXPECT_EQ(inner->metadata.page_url, std::nullopt);
  EXPECT_EQ(inner->metadata.referrer, std::nullopt);
  expect_refused({
      {event(R"(,"message_id":null,"message_id":"m")"), "member_repeated", {"message_id"}},
      {event(R"(,"metadata":null,"metadata":{})"), "member_repeated", {"metadata"}},
      {event_with_metadata(R"("referrer":null,"referrer":null)"), "member_repeated", {"referrer"}},
      {event(R"(,"metadata":nul)"), "not_json", {}},
      {event(R"(,"message_id":nullx)"), "not_json", {}},
      {event_with_metadata(R"("page_url":none)"), "not_json", {}},
  });
}

TEST(Decoder, RefusesWhatIsNotOneObject) {
  expect_refused({
      {"null", "not_an_object", {"found null"}},
      {"[]", "not_an_object", {"found an array"}},
      {"\"x\"", "not_an_object", {"found a string"}},
      {"12", "not_an_object", {"found a number"}},
      {"-x", "not_json", {"a valid JSON number"}},
      {"nonsense", "not_json", {"found \"nonsense\""}},
      {"user_id=u1&activity_type=a", "not_json", {"found \"user_id="}},
      {"<event/>", "not_json", {"found \"<event/>\""}},
      {"", "not_json", {"empty"}},
      {" \n", "not_json", {"empty"}},
      {"\xEF\xBB\xBF" + event(""), "not_json", {"byte order mark"}},
      {event("") + event(""), "not_json", {"nothing after"}},
      {event("") + ",", "not_json", {"nothing after"}},
      {event("") + "x", "not_json", {"nothing after"}},
      {event("") + "\0"s, "not_json", {"nothing after"}},
      {event("").substr(1), "not_an_object", {"found a string"}},
      {event("").substr(0, event("").size() - 1), "not_json", {"found the end"}},
  });
}

TEST(Decoder, RefusesARepeatedMember) {
  const auto repeated = [](std::string json, std::string_view name) {
    return Refusal{std::move(json), "member_repeated", {name, "more than once"}};
  };
  std::string many;
  for (int each = 0; each < 10'000; ++each) many += ",\"m" + std::to_string(each) + "\":0";
  expect_refused({
      repeated(event(R"(,"user_id":"u1")"), "user_id"),
      repeated(event(R"(,"timestamp":0)"), "timestamp"),
      repeated(event(R"(,"message_id":"a","message_id":"a")"), "message_id"),
      repeated(event(R"(,"metadata":{},"metadata":{})"), "metadata"),
      repeated(event(R"(,"x":1,"y":2,"x":3)"), "\"x\""),
      repeated(event(R"(,"a":1,"\u0061":2)"), "\"a\""),
      repeated(event(R"(,"user_\u0069d":1)"), "user_id"),
      repeated(event(R"(,"\ud83d\ude00":1,")"
                     "\U0001F600"
                     R"(":2)"),
               "more"),
      repeated(event(R"(,"\ud800":1,"\uD800":2)"), "more"),
      repeated(event(R"(,"":1,"":2)"), "\"\""),
      repeated(event(many + R"(,"m77":1)"), "m77"),
      repeated(event_with_metadata(R"("page_url":"a","page_url":"a")"),
               "metadata has the member \"page_url\""),
      repeated(event_with_metadata(R"("a":1,"b":2,"a":1)"), "metadata has the member \"a\""),
      repeated(event_with_metadata(many.substr(1) + R"(,"m9999":1)"), "m9999"),
  });
}

TEST(Decoder, AllowsRepeatedMembersDeeperAndInOtherObjects) {
  PaddedDecoder decoder;
  std::string many;
  for (int each = 0; each < 10'000; ++each) many += ",\"m" + std::to_string(each) + "\":0";
  for (const std::string& good : {
           event(R"(,"x":{"a":1,"a":2})"),
           event_with_metadata(R"("x":{"a":1,"a":2},"y":[{"a":1},{"a":1}])"),
           event(R"(,"x":1,"metadata":{"x":1,"user_id":2,"metadata":3},"y":{"x":1})"),
           event(R"(,"metadata":{"x":1},"x":2)"),
           event(R"(,"page_url":1,"metadata":{"page_url":"/"})"),
           event(R"(,"a":1,"A":2,"a ":3,"\u0061\u0300":4,"\u00e1":5)"),
           event(many + R"(,"metadata":{"m0":1})"),
           event_with_metadata(many.substr(1)),
       }) {
    const auto read = decoder.decode(good);
    EXPECT_TRUE(read) << good.substr(0, 300) << ": " << read.error().text;
  }
}

TEST(Decoder, AllowsThirtyTwoNestedContainersAndNoMore) {
  const auto nested = [](int depth, std::string_view open, std::string_view close) {
    std::string value;
    for (int each = 0; each < depth; ++each) value += open;
    value += "1";
    for (int each = 0; each < depth; ++each) value += close;
    return value;
  };
  PaddedDecoder decoder;
  for (const auto& [open, close] : {std::pair{"[", "]"}, std::pair{R"({"a":)", "}"}}) {
    EXPECT_TRUE(decoder.decode(event(R"(,"x":)" + nested(31, open, close))));
    EXPECT_TRUE(decoder.decode(event_with_metadata(R"("x":)" + nested(30, open, close))));
    expect_refused({{event(R"(,"x":)" + nested(32, open, close)), "too_deep", {"32"}},
                    {event_with_metadata(R"("x":)" + nested(31, open, close)), "too_deep", {"32"}},
                    {event(R"(,"x":)" + nested(100'000, open, close)), "too_deep", {"32"}}});
  }
  expect_refused({{event(R"(,"x":)" + std::string(100'000, '[')), "too_deep", {}},
                  {std::string(100'000, '['), "not_an_object", {}},
                  {R"({"user_id":)" + std::string(100'000, '['), "user_id_invalid", {}}});
}

TEST(Decoder, DecodesAnEventFarLargerThanUsual) {
  PaddedDecoder decoder;
  const std::string large(3'000'000, 'x');
  const auto read = decoder.decode(event(R"(,"\u0078":")" + large + R"(","message_id":"\u006d")"));
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->message_id, "m");
  EXPECT_TRUE(decoder.decode(event("")));
}

TEST(Decoder, BoundsTheTimestampByTheClockAtIngestAndByTheRecordLater) {
  const WallTime now{1'432'062'000'000ms};
  struct Case {
    std::chrono::nanoseconds ahead;
    bool passes_at_ingest;
    bool passes_with_record;
  };
  for (const Case& each : {Case{-20 * 24h * 365, true, true}, Case{0h, true, true}, Case{24h, true, true},
                           Case{24h + 1ns, false, true}, Case{48h, false, true},
                           Case{48h + 1ns, false, false}, Case{10 * 24h * 365, false, false}}) {
    UserActivity activity;
    activity.timestamp = EventTime{now} + each.ahead;
    const auto at_ingest = check_time_at_ingest(activity, now);
    const auto with_record = check_time_of_record(activity, now);
    EXPECT_EQ(at_ingest.has_value(), each.passes_at_ingest) << each.ahead.count();
    EXPECT_EQ(with_record.has_value(), each.passes_with_record) << each.ahead.count();
    if (at_ingest) continue;
    EXPECT_EQ(at_ingest.error().code, "timestamp_ahead");
    EXPECT_EQ(at_ingest.error().kind, ErrorKind::invalid);
    EXPECT_NE(at_ingest.error().text.find("24 h ahead of the clock, 2015-05-19T19:00:00.000Z"),
              std::string::npos)
        << at_ingest.error().text;
  }
}

TEST(Decoder, ComparesAnyRecordTimeWithoutOverflow) {
  UserActivity activity;
  activity.timestamp = EventTime::max();
  EXPECT_TRUE(check_time_of_record(activity, RecordTime::max()));
  EXPECT_FALSE(check_time_of_record(activity, RecordTime::min()));
  EXPECT_FALSE(check_time_of_record(activity, RecordTime{-1ms}));
}

}  // namespace
}  // namespace weir::activity
