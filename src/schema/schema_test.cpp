#include "schema/schema.hpp"

#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

namespace weir::schema {
namespace {

Schema compiled(std::string_view text) {
  auto schema = Schema::compile(text);
  if (!schema) throw std::runtime_error(schema.error().text);
  return std::move(*schema);
}

TEST(Schema, NamesTheMemberThatIsWrongByItsPointer) {
  const Schema schema = compiled(R"({
    "$schema": "http://json-schema.org/draft-07/schema#", "$id": "http://example.org/page_view.json",
    "properties": {
      "user_id": {"pattern": "^u-[0-9]+$"},
      "metadata": {"type": "object", "required": ["plan"], "additionalProperties": false,
        "properties": {"plan": {"enum": ["free", "paid"]}, "a/b~c": {"type": "string"},
                       "seen": {"format": "date-time"}, "items": {"items": {"maximum": 5}}}}}})");
  struct Case {
    const char* json;
    const char* error;  // its beginning; "": none
  };
  const std::vector<Case> cases{
      {R"({"user_id":"u-1","metadata":{"plan":"free","seen":"2026-01-31T00:00:00Z"}})", ""},
      {R"({"user_id":"x"})", "/user_id: "},
      {R"({"metadata":{"plan":"gold"}})", "/metadata/plan: "},
      {R"({"metadata":{}})", "/metadata/plan: is missing, and the schema requires it"},
      {R"({"metadata":7})", "/metadata: "},
      {R"({"metadata":{"plan":"free","other":1}})",
       "/metadata/other: is a member that the schema does not allow"},
      {R"({"metadata":{"plan":"free","a/b~c":1}})", "/metadata/a~1b~0c: "},
      {R"({"metadata":{"plan":"free","seen":"2026-01-31"}})", "/metadata/seen: "},
      {R"({"metadata":{"plan":"free","items":[1,2,9]}})", "/metadata/items/2: "},
      {R"({"user_id":"\ud800"})", "the event cannot be checked against its schema: "},
  };
  for (const Case& each : cases) {
    const auto checked = schema.check(each.json);
    EXPECT_EQ(checked.has_value(), std::string_view(each.error).empty()) << each.json;
    if (checked) continue;
    EXPECT_EQ(checked.error().code, "schema_violation");
    EXPECT_TRUE(checked.error().text.starts_with(each.error)) << each.json << '\n' << checked.error().text;
  }
}

TEST(Schema, IsRefusedWhereItWouldNotBeCheckedExactly) {
  struct Case {
    const char* schema;
    const char* error;
  };
  const std::vector<Case> cases{
      {"{", "is no JSON"},
      {"[]", "the schema: expected a schema"},
      {R"({"requierd":["a"]})", "/requierd: is no keyword"},
      {R"({"properties":{"a":{"unevaluatedProperties":false}}})", "/properties/a/unevaluatedProperties: "},
      {R"({"contentEncoding":"base64"})", "/contentEncoding: is no keyword"},
      {R"({"format":"email"})", "/format: is a format that Weir cannot check"},
      {R"({"$schema":"https://json-schema.org/draft/2020-12/schema"})", "/$schema: expected draft 7"},
      {R"({"items":{"$id":"x"}})", "/items/$id: expected $id only at the root"},
      {R"({"$ref":"http://example.org/a.json"})", "/$ref: expected a reference within this document"},
      {R"({"$ref":"file:///etc/passwd"})", "/$ref: expected a reference within this document"},
      {R"({"$ref":"definitions.json#/a"})", "/$ref: expected a reference within this document"},
      {R"({"$ref":"#/definitions/a"})", "/$ref: leads to nothing"},
      {R"({"$ref":"#/default","default":{}})", "/$ref: $ref leads to no schema"},
      {R"({"properties":{"a":{"$ref":"#","maxLength":3}}})", "/properties/a/maxLength: draft 7 ignores"},
      {R"({"$ref":"#"})", "$ref leads back to this schema without end"},
      {R"({"definitions":{"a":{"allOf":[{"$ref":"#/definitions/b"}]},"b":{"not":{"$ref":"#/definitions/a"}}}})",
       "$ref leads back to this schema without end"},
      {R"({"pattern":"(a)\\1"})", "the pattern \"(a)\\1\" cannot be used"},
      {R"({"pattern":"("})", "the pattern \"(\" cannot be used"},
      {R"({"patternProperties":{"^a":{}}})", "/patternProperties: cannot be checked in bounded time"},
      {R"({"uniqueItems":true})", "/uniqueItems: expected maxItems of at most 200"},
      {R"({"items":{"uniqueItems":true,"maxItems":201}})", "/items/uniqueItems: expected maxItems"},
      {R"({"pattern":7})", "/pattern: expected a string"},
      {R"({"allOf":{}})", "/allOf: expected an array of schemas"},
      {R"({"type":"text"})", ""},
      {R"({"maxLength":-1})", ""},
      {R"({"required":"a"})", ""},
  };
  for (const Case& each : cases) {
    const auto schema = Schema::compile(each.schema);
    ASSERT_FALSE(schema.has_value()) << each.schema;
    EXPECT_EQ(schema.error().code, "schema_invalid");
    EXPECT_TRUE(schema.error().text.contains(each.error)) << each.schema << '\n' << schema.error().text;
  }
}

TEST(Schema, MayReferToItselfFromItsMembers) {
  const Schema tree = compiled(
      R"({"properties":{"left":{"$ref":"#"},"n":{"type":"integer"}},"additionalProperties":false,"x-note":1})");
  EXPECT_TRUE(tree.check(R"({"left":{"left":{"n":1}}})").has_value());
  EXPECT_FALSE(tree.check(R"({"left":{"left":{"n":"1"}}})").has_value());
  EXPECT_FALSE(compiled("false").check("{}").has_value());
}

// With the default engine of std::regex, the first two texts overflow the stack and the third takes years.
TEST(Schema, Fault39MatchesPatternsInBoundedTimeAndStack) {
  const Schema any = compiled(R"({"properties":{"a":{"pattern":"^(x|y)*$"},"b":{"format":"date"}}})");
  const std::string long_text(60'000, 'x');
  EXPECT_TRUE(any.check(R"({"a":")" + long_text + "\"}").has_value());
  EXPECT_FALSE(any.check(R"({"b":")" + std::string(60'000, '1') + "\"}").has_value());
  const Schema slow = compiled(R"({"properties":{"a":{"pattern":"^(x+x+)+y$"}}})");
  EXPECT_FALSE(slow.check(R"({"a":")" + std::string(2'000, 'x') + "\"}").has_value());
  const Schema anywhere = compiled(R"({"properties":{"a":{"pattern":"x+y|z"}}})");
  EXPECT_FALSE(anywhere.check(R"({"a":")" + long_text + "\"}").has_value());
  EXPECT_TRUE(anywhere.check(R"({"a":")" + long_text + "\\nxxz\"}").has_value());
  const Schema unique = compiled(R"({"properties":{"a":{"uniqueItems":true,"maxItems":3}}})");
  EXPECT_TRUE(unique.check(R"({"a":[1,2,3]})").has_value());
  EXPECT_FALSE(unique.check(R"({"a":[1,2,1]})").has_value());
  std::string many = "{\"a\":[0";
  for (int item = 1; item < 12'000; ++item) many += ',' + std::to_string(item);
  EXPECT_FALSE(unique.check(many + "]}").has_value());
  const Schema names = compiled(R"({"propertyNames":{"pattern":"^[a-z]*$"}})");
  EXPECT_TRUE(names.check("{\"" + long_text + "\":1}").has_value());
  EXPECT_FALSE(names.check("{\"" + long_text + "1\":1}").has_value());
}

TEST(Schema, IsCheckedByManyThreadsAtOnce) {
  const Schema schema =
      compiled(R"({"properties":{"a":{"pattern":"^x+$"}},"propertyNames":{"pattern":"^[ab]$"}})");
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&schema] {
      for (int round = 0; round < 200; ++round) {
        EXPECT_TRUE(schema.check(R"({"a":"xxx"})").has_value());
        EXPECT_FALSE(schema.check(R"({"a":"xyx"})").has_value());
        EXPECT_FALSE(schema.check(R"({"b2":1})").has_value());
      }
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace weir::schema
