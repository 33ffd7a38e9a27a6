// The grammar of JSON. Each text is decoded as the value of a member of metadata in an otherwise valid
// activity.
#include "activity/json_cursor.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>
#include <string>

#include "activity/decoder.hpp"
#include "base/limits.hpp"

namespace weir::activity {
namespace {

using namespace std::string_literals;

Result<void> decode_with(std::string_view value) {
  std::string json =
      R"({"user_id":"u","activity_type":"a","timestamp":"2015-05-19T19:00:00Z","metadata":{"x":)";
  json += value;
  json += "}}";
  json.reserve(json.size() + limits::json_slack_bytes);
  Decoder decoder;
  auto read = decoder.decode(json);
  if (!read) return propagate(read);
  return {};
}

// Runs a test with each implementation of simdjson that this CPU can run.
class EachImplementation : public testing::TestWithParam<const simdjson::implementation*> {
 protected:
  EachImplementation() { simdjson::get_active_implementation() = GetParam(); }
  ~EachImplementation() override { simdjson::get_active_implementation() = best_; }

 private:
  const simdjson::implementation* best_ = simdjson::get_available_implementations().detect_best_supported();
};

std::vector<const simdjson::implementation*> supported_implementations() {
  std::vector<const simdjson::implementation*> supported;
  for (const simdjson::implementation* each : simdjson::get_available_implementations())
    if (each->supported_by_runtime_system()) supported.push_back(each);
  return supported;
}

INSTANTIATE_TEST_SUITE_P(JsonCursor, EachImplementation, testing::ValuesIn(supported_implementations()),
                         [](const auto& instance) { return instance.param->name(); });

// clang-format off
const std::vector<std::string> allowed{
    "null"s, "true"s, "false"s, " null "s, "\t\n\r 1\r\n"s, "0"s, "-0"s, "1"s, "-1"s, "10"s, "0.0"s, "0e0"s,
    "0E-0"s, "1e5"s, "1E+5"s, "-1.5e-300"s, "1e999999"s, "-1e-999999"s,
    "123456789012345678901234567890.123456789012345678901234567890"s, "9223372036854775808"s,
    std::string(5000, '7'), "[]"s, "[ ]"s, "{}"s, "{ }"s, "[[]]"s, "[[],[]]"s, "[{}]"s, R"({"":{}})"s,
    R"({"a":[]})"s, "[1,2 , 3\n,4]"s, R"({"a":1,"b":2})"s, R"({"a":1,"a":1})"s,
    R"( { "a" : [ 1 , { "b" : null } ] } )"s, R"("")"s, R"(" ")"s, R"("a")"s, R"("\"")"s, R"("\\")"s,
    R"("\\\"")"s, R"("\\\\")"s, R"(["\\","\""])"s, R"("\/\b\f\n\r\t")"s, R"("\u0000")"s,
    R"("\u00e9\uABCD\uabcd")"s, R"("\ud800")"s, R"("\udc00")"s, R"("\udc00\ud800")"s, R"("\ud83d\ude00")"s,
    R"({"\ud800":1})"s, R"({"\u0000":1})"s, R"("\u005c")"s, "\"\x7F\""s,
    "\"\u00e9\u20ac\U0001F600\uFFFD\uFEFF\uFFFF\u2028\""s, "\"\xF4\x8F\xBF\xBF\""s, R"("{[,:]}")"s,
    R"("true")"s, R"({"a\\":"b\\"})"s, "\"" + std::string(63, 'x') + "\\\\\"",
    "\"" + std::string(64, '\\') + "\""
};
// clang-format on

TEST_P(EachImplementation, AcceptsWhatRfc8259Allows) {
  for (const std::string& value : allowed) {
    const auto passed = decode_with(value);
    EXPECT_TRUE(passed) << value << ": " << passed.error().text;
  }
}

// clang-format off
const std::vector<std::string> not_allowed{
    ""s, " "s, ","s, ":"s, "]"s, "}"s, "["s, "{"s, "[]]"s, "{}}"s, "[}"s, "{]"s, "[1}"s, R"({"a":1])"s,
    "[1,]"s, "[,1]"s, "[,]"s, "[1,,2]"s, "[1 2]"s, "[1:2]"s, "[\"a\":1]"s, "1 2"s, "1,2"s, "[],[]"s,
    R"({"a"})"s, R"({"a":})"s, R"({"a" 1})"s, R"({:1})"s, R"({"a":1,})"s, R"({,"a":1})"s,
    R"({"a":1,,"b":2})"s, R"({"a"::1})"s, R"({"a":1:2})"s, R"({"a":1 "b":2})"s, R"({a:1})"s, R"({'a':1})"s,
    R"({1:1})"s, R"({null:1})"s, R"({[]:1})"s, R"({"a","b"})"s, "nul"s, "nulL"s, "nulll"s, "null1"s,
    "nullx"s, "NULL"s, "tru"s, "truee"s, "fals"s, "falsey"s, "TRUE"s, "true\"\""s, "null\"a\""s, "nan"s,
    "NaN"s, "Infinity"s, "-Infinity"s, "undefined"s, "None"s, "+1"s, "-"s, "--1"s, "-a"s, "01"s, "-01"s,
    "00"s, "1."s, ".1"s, "-.1"s, "1.e1"s, "1e"s, "1e+"s, "1e-"s, "1eE2"s, "1e1.5"s, "1.2.3"s, "0x1"s,
    "1_000"s, "1a"s, "1\"a\""s, "0b1"s, "1-"s, "1+1"s, "2.e"s, "0e"s, "\uff11"s, "1\u00a0"s, "\u00a01"s,
    "\u20281"s, "\uFEFF1"s, "'a'"s, "`a`"s, "a"s, "\""s, "\"a"s, R"("a\")"s, R"("\x41")"s, R"("\a")"s,
    R"("\')"s, R"("\'")"s, R"("\v")"s, R"("\0")"s, R"("\ ")"s, R"("\U0041")"s, R"("\u")"s, R"("\u1")"s,
    R"("\u12")"s, R"("\u123")"s, R"("\u123g")"s, R"("\u 123")"s, R"("\u+123")"s, R"("\u-123")"s,
    R"("\ud83d\u12")"s, "\"\\\n\""s, "\"\\\u00e9\""s, "\"\\\0\""s, R"("a" "b")"s, R"("a""b")"s, R"("a"b)"s,
    R"("a"1)"s, R"("a"true)"s, R"(\"a\")"s, R"(\)"s, R"(\u0031)"s, R"(1\)"s, R"(1\")"s, R"("a"\)"s,
    R"("a"\"b")"s, R"([\"])"s, "\"\n\""s, "\"\t\""s, "\"\0\""s, "\"\x1F\""s, "\0"s, "1\0"s, "\0" "1"s,
    "\f1"s, "1\f"s, "1\v"s, "\x1A"s, "[1\f]"s, "[1\f,2]"s, "[1\x0C" "2]"s, "[1\x1A" "2]"s, "{\"a\"\x1A" "1}"s,
    "\b"s, "\x7F"s, "// comment\n1"s, "/* */1"s, "1//"s, "#1"s, "<null>"s, "@"s, "(1)"s, "*"s, "`"s
};
// clang-format on

TEST_P(EachImplementation, RefusesWhatRfc8259DoesNotAllow) {
  for (const std::string& value : not_allowed) {
    EXPECT_FALSE(decode_with(value)) << value;
  }
}

TEST_P(EachImplementation, RefusesBytesThatAreNotUtf8Anywhere) {
  for (const std::string_view bytes : {
           std::string_view("\x80"),
           std::string_view("\xBF"),
           std::string_view("\xC0\xAF"),
           std::string_view("\xC1\xBF"),
           std::string_view("\xC3"),
           std::string_view("\xE0\x80\xAF"),
           std::string_view("\xE0\x9F\xBF"),
           std::string_view("\xE2\x82"),
           std::string_view("\xED\xA0\x80"),
           std::string_view("\xED\xBF\xBF"),
           std::string_view("\xF0\x80\x80\xAF"),
           std::string_view("\xF0\x8F\xBF\xBF"),
           std::string_view("\xF0\x9F\x98"),
           std::string_view("\xF4\x90\x80\x80"),
           std::string_view("\xF5\x80\x80\x80"),
           std::string_view("\xF8\x88\x80\x80\x80"),
           std::string_view("\xFC\x84\x80\x80\x80\x80"),
           std::string_view("\xFE"),
           std::string_view("\xFF"),
       }) {
    for (const std::string& value :
         {"\"" + std::string(bytes) + "\"", "\"" + std::string(70, 'x') + std::string(bytes) + "\"",
          "{\"" + std::string(bytes) + "\":1}"}) {
      const auto refused = decode_with(value);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, "bad_utf8");
    }
    EXPECT_FALSE(decode_with(std::string(bytes)));
    EXPECT_FALSE(decode_with("\"\\" + std::string(bytes) + "\""));
  }
}

TEST_P(EachImplementation, RefusesADocumentCutOffAnywhere) {
  const std::string whole = R"({"user_id":"u\u0041","activity_type":"a","timestamp":"2015-05-19T19:00:00Z",)"
                            R"("metadata":{"a":[1.5e3,true,{"b":null}]}})";
  Decoder decoder;
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    std::string cut = whole;  // the rest follows in the padding
    cut.reserve(whole.size() + limits::json_slack_bytes);
    EXPECT_FALSE(decoder.decode(std::string_view(cut).substr(0, bytes))) << bytes;
  }
  std::string padded = whole;
  padded.reserve(whole.size() + limits::json_slack_bytes);
  EXPECT_TRUE(decoder.decode(padded));
}

TEST_P(EachImplementation, DoesNotDependOnBlocksOf64Bytes) {
  for (std::size_t spaces = 0; spaces < 130; ++spaces) {
    const std::string before(spaces, ' ');
    EXPECT_TRUE(decode_with(before + R"(["\\\"",{"a\\":"\u00e9\\\\"},-1.5e+7,null])"));
    EXPECT_FALSE(decode_with(before + R"(["\\\"",{"a\\":"\u00e9\\\\\"},-1.5e+7,null])"));
    EXPECT_FALSE(decode_with(before + "[nullx]"));
    EXPECT_FALSE(decode_with(before + R"([1,"a"b])"));
    EXPECT_FALSE(decode_with(before + "[\"\xE2\x82\"]"));
  }
}

TEST(JsonCursor, ReportsWhatItExpectedAndWhere) {
  JsonCursor cursor;
  std::string json = R"([1, tru])";
  json.reserve(json.size() + limits::json_slack_bytes);
  ASSERT_TRUE(cursor.begin(json));
  EXPECT_FALSE(cursor.skip_value(0));
  EXPECT_EQ(cursor.error().text, R"(not JSON: expected a value at byte 4, found "tru]")");
  json = R"({"a":1)";
  json.reserve(json.size() + limits::json_slack_bytes);
  ASSERT_TRUE(cursor.begin(json));
  EXPECT_FALSE(cursor.skip_value(0));
  EXPECT_EQ(cursor.error().text, "not JSON: expected ',' or '}' at byte 6, found the end");
}

}  // namespace
}  // namespace weir::activity
