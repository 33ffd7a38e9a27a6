#include "base/json_text.hpp"

namespace weir {
namespace {

TEST(JsonText, AddsCommasAtEachLevel) {
  JsonText json;
  json.begin_object().member("a", 1).key("b").begin_array().value("x").value(true).null().end_array();
  json.key("c").begin_object().end_object().member("d", 0.0081).end_object();
  EXPECT_EQ(json.text(), R"({"a":1,"b":["x",true,null],"c":{},"d":0.0081})");
}

TEST(JsonText, WritesValidJsonForAnyBytes) {
  struct Case {
    std::string_view text;
    std::string_view json;
  };
  const std::array cases{
      Case{"", R"("")"},
      Case{"a\"b\\c", R"("a\"b\\c")"},
      Case{"\n\r\t\x01\x7F", R"("\n\r\t\u0001\u007f")"},
      Case{std::string_view("\0", 1), R"("\u0000")"},
      Case{"gr\xC3\xBC\xC3\x9F", "\"gr\xC3\xBC\xC3\x9F\""},
      Case{"\xF0\x9F\x98\x80", "\"\xF0\x9F\x98\x80\""},
      Case{"\xFF!", "\"\xEF\xBF\xBD!\""},                                // never occurs in UTF-8
      Case{"\xC0\xAF", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},                  // overlong
      Case{"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},  // a surrogate
      Case{"\xE2\x82", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},                  // truncated
  };
  for (const Case& each : cases) {
    std::string out;
    append_json_string(out, each.text);
    EXPECT_EQ(out, each.json);
  }
}

}  // namespace
}  // namespace weir
