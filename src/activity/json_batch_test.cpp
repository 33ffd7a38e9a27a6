#include "activity/json_batch.hpp"

#include <gtest/gtest.h>
#include <string>

#include "activity/decoder.hpp"
#include "base/limits.hpp"

namespace weir::activity {
namespace {

using namespace std::string_literals;

struct Taken {
  std::vector<std::string> items;
  std::string error;  // its code; empty if the body was read to its end
  std::string text;
};

Taken take_apart(std::string_view body) {
  // A copy of exactly its size, so that the sanitizer reports a read after its end.
  const auto bytes = std::make_unique<char[]>(body.size());
  std::ranges::copy(body, bytes.get());
  JsonBatch batch({bytes.get(), body.size()});
  Taken taken;
  while (true) {
    const auto item = batch.next();
    if (!item) {
      EXPECT_EQ(item.error().kind, ErrorKind::invalid);
      taken.error = item.error().code;
      taken.text = item.error().text;
      return taken;
    }
    if (!*item) return taken;
    EXPECT_EQ((*item)->index, taken.items.size());
    taken.items.emplace_back((*item)->json);
  }
}

using Items = std::vector<std::string>;

TEST(JsonBatch, ReturnsTheElementsOfAnArrayUnchanged) {
  struct Case {
    std::string body;
    Items items;
  };
  for (const Case& each : std::vector<Case>{
           {"[]", {}},
           {" [ \n] \t", {}},
           {"[1]", {"1"}},
           {"[ {\"a\" : 1 } ,\r\n{}]\n", {"{\"a\" : 1 }", "{}"}},
           {R"([null,true,-1.5e3,"x",[],[1,[2]],{"a":{"b":[{}]}}])",
            {"null", "true", "-1.5e3", "\"x\"", "[]", "[1,[2]]", R"({"a":{"b":[{}]}})"}},
           {R"(["]","[","\"],","\\","\\\"]",",",{"]":"}"}])",
            {R"("]")", R"("[")", R"("\"],")", R"("\\")", R"("\\\"]")", R"(",")", R"({"]":"}"})"}},
           {"[\"\xFF\",\"\n\",{\"a\":\"\0\"}]"s, {"\"\xFF\"", "\"\n\"", "{\"a\":\"\0\"}"s}},
           {"[\n\n\n[\n]\n]", {"[\n]"}},
       }) {
    const Taken taken = take_apart(each.body);
    EXPECT_EQ(taken.error, "") << each.body << ": " << taken.text;
    EXPECT_EQ(taken.items, each.items) << each.body;
  }
}

TEST(JsonBatch, ReturnsAnElementThatIsNotJsonIfItsEndCanBeFound) {
  struct Case {
    std::string body;
    Items items;
  };
  for (const Case& each : std::vector<Case>{
           {"[{\"a\":tru},{}]", {"{\"a\":tru}", "{}"}},
           {"[{\"a\" 1},{}]", {"{\"a\" 1}", "{}"}},
           {"[{\"a\":[1,2}},{}]", {"{\"a\":[1,2}}", "{}"}},
           {"[{],{]]", {"{]", "{]"}},
           {"[nonsense,01,{}]", {"nonsense", "01", "{}"}},
           {"['a',{}]", {"'a'", "{}"}},
       }) {
    const Taken taken = take_apart(each.body);
    EXPECT_EQ(taken.error, "") << each.body << ": " << taken.text;
    EXPECT_EQ(taken.items, each.items) << each.body;
  }
}

TEST(JsonBatch, ReportsABrokenArray) {
  for (const std::string& body : {
           "["s,
           "[ "s,
           "[1"s,
           "[1 "s,
           "[1,"s,
           "[1,2"s,
           "[{}"s,
           "[[]"s,
           "[[[["s,
           "[{\"a\":1]"s,
           "[{\"a\":[1}]"s,
           "[{]},{}]"s,
           "[,]"s,
           "[,1]"s,
           "[1,]"s,
           "[{},]"s,
           "[1,,2]"s,
           "[1 2]"s,
           "[{}{}]"s,
           "[{} {}]"s,
           "[\"a\"\"b\"]"s,
           "[\"a\"b]"s,
           "[1:2]"s,
           "[\"a\":1]"s,
           "[:]"s,
           "[}"s,
           "[1}"s,
           "[1}]"s,
           "[\"a]"s,
           "[\"a\\\"]"s,
           "[\"a\\"s,
           "[{\"a\":\"b}]"s,
           "[]]"s,
           "[]1"s,
           "[] {}"s,
           "[{}]\n{}"s,
           "[1],"s,
           "[]\0"s,
           "[1]x"s,
           "[][]"s,
       }) {
    const Taken taken = take_apart(body);
    EXPECT_EQ(taken.error, "not_json") << body;
    EXPECT_NE(taken.text.find("at byte"), std::string::npos) << taken.text;
  }
}

TEST(JsonBatch, ReturnsTheLinesOfNdjson) {
  struct Case {
    std::string body;
    Items items;
  };
  for (const Case& each : std::vector<Case>{
           {"{}", {"{}"}},
           {"{}\n", {"{}"}},
           {"{\"a\":1}\n{\"b\":2}\n", {"{\"a\":1}", "{\"b\":2}"}},
           {"{\"a\":1}\r\n{\"b\":2}\r\n", {"{\"a\":1}", "{\"b\":2}"}},
           {"\n\n {} \n\r\n\t\n{}\n\n", {"{}", "{}"}},
           {"null", {"null"}},
           {"{}\n[]\nrubbish\n{\n", {"{}", "[]", "rubbish", "{"}},
           {"{} {}", {"{} {}"}},
           {"{\"a\":\"\xFF\"}\n\xEF\xBB\xBF{}", {"{\"a\":\"\xFF\"}", "\xEF\xBB\xBF{}"}},
           {"{\n\"a\":1\n}", {"{", "\"a\":1", "}"}},
           {"\0\n{}"s, {"\0"s, "{}"}},
       }) {
    const Taken taken = take_apart(each.body);
    EXPECT_EQ(taken.error, "") << each.body << ": " << taken.text;
    EXPECT_EQ(taken.items, each.items) << each.body;
  }
}

TEST(JsonBatch, RefusesAnEmptyBodyAndAByteOrderMark) {
  for (const std::string& body : {""s, " "s, "\r\n\t \n"s}) {
    const Taken taken = take_apart(body);
    EXPECT_EQ(taken.error, "not_json");
    EXPECT_NE(taken.text.find("empty"), std::string::npos) << taken.text;
  }
  for (const std::string& body :
       {"\xEF\xBB\xBF[]"s, "\xEF\xBB\xBF{}"s, " \xEF\xBB\xBF{}"s, "\xEF\xBB\xBF"s}) {
    const Taken taken = take_apart(body);
    EXPECT_EQ(taken.error, "not_json");
    EXPECT_NE(taken.text.find("byte order mark"), std::string::npos) << taken.text;
  }
}

TEST(JsonBatch, FindsEndsAtAnyOffsetOfQuotesAndEscapes) {
  for (std::size_t length = 0; length < 40; ++length) {
    const std::string fill(length, 'x');
    for (const std::string& tail : {""s, "\\\""s, "\\\\"s, "\\\\\\\""s, "\x80\xA2"s, "!#\x5B\x5D"s, "]},"s}) {
      const std::string item = "{\"" + fill + tail + "\":\"" + tail + fill + "\"}";
      const Taken taken = take_apart("[" + item + "," + item + "]");
      EXPECT_EQ(taken.error, "");
      EXPECT_EQ(taken.items, (Items{item, item}));
    }
    EXPECT_EQ(take_apart("[\"" + fill).error, "not_json");
    EXPECT_EQ(take_apart("[\"" + fill + "\\").error, "not_json");
    EXPECT_EQ(take_apart("[\"" + fill + "\\\"").error, "not_json");
  }
}

TEST(JsonBatch, SplitsDeepNesting) {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  const Taken taken = take_apart("[" + deep + ",1]");
  EXPECT_EQ(taken.items.size(), 2u);
  EXPECT_EQ(take_apart(std::string(1'000'000, '[')).error, "not_json");
}

TEST(JsonBatch, SeparatesTheInvalidItemOfAHundred) {
  const std::string good = R"({"user_id":"u","activity_type":"a","timestamp":"2015-05-19T19:00:00Z"})";
  const std::string bad = R"({"user_id":"","activity_type":"a","timestamp":"2015-05-19T19:00:00Z"})";
  for (const bool array : {true, false}) {
    std::string body = array ? "[" : "";
    for (int each = 0; each < 100; ++each) {
      if (each > 0) body += array ? "," : "\n";
      body += each == 57 ? bad : good;
    }
    if (array) body += "]";
    body.reserve(body.size() + limits::json_slack_bytes);
    JsonBatch batch(body);
    activity::Decoder decoder;
    std::vector<std::size_t> rejected;
    std::size_t accepted = 0;
    for (auto item = batch.next(); item && *item; item = batch.next()) {
      if (decoder.decode((*item)->json)) {
        ++accepted;
      } else {
        rejected.push_back((*item)->index);
      }
    }
    EXPECT_EQ(accepted, 99u);
    EXPECT_EQ(rejected, std::vector<std::size_t>{57});
  }
}

}  // namespace
}  // namespace weir::activity
