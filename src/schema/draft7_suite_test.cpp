// The JSON Schema Test Suite (draft 7). Each schema of it is either refused when it is loaded, for a reason
// that schema_rules.hpp names, or every one of its tests has the result that the suite expects.
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <set>
#include <string>

#include "schema/schema.hpp"

namespace weir::schema {
namespace {

namespace json = boost::json;

std::filesystem::path suite_folder() {
  const char* set = std::getenv("JSON_SCHEMA_TEST_SUITE");
  return set != nullptr ? set : "/usr/share/json-schema-test-suite/tests/draft7";
}

json::value read_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  return json::parse(std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
}

// These schemas fetch another document, use patternProperties, or have $id below the root, members beside
// $ref, or members without a meaning.
const std::set<std::string>& refused_schemas() {
  static const std::set<std::string> names{
      "additionalProperties: additionalProperties being false does not allow other properties",
      "additionalProperties: non-ASCII pattern with additionalProperties",
      "definitions: invalid definition",
      "definitions: valid definition",
      "patternProperties: multiple simultaneous patternProperties are validated",
      "patternProperties: patternProperties validates properties matching a regex",
      "patternProperties: patternProperties with boolean schemas",
      "patternProperties: regexes are not anchored by default and are case sensitive",
      "properties: properties, patternProperties, additionalProperties interaction",
      "ref: Recursive references between schemas",
      "ref: escaped pointer ref",
      "ref: ref overrides any sibling keywords",
      "ref: remote ref, containing refs itself",
      "refRemote: base URI change",
      "refRemote: base URI change - change folder",
      "refRemote: base URI change - change folder in subschema",
      "refRemote: fragment within remote ref",
      "refRemote: ref within remote ref",
      "refRemote: remote ref",
      "refRemote: root ref in remote ref",
  };
  return names;
}

TEST(Draft7Suite, HasTheExpectedResultForEachSchemaThatIsNotRefused) {
  if (!std::filesystem::exists(suite_folder())) {
    ASSERT_EQ(std::getenv("CI"), nullptr) << "the package json-schema-test-suite is missing";
    GTEST_SKIP() << "the package json-schema-test-suite is missing";
  }
  int schemas = 0;
  int tests = 0;
  std::set<std::string> refused;
  for (const auto& entry : std::filesystem::directory_iterator(suite_folder())) {
    if (entry.path().extension() != ".json") continue;
    const json::value groups = read_json(entry.path());
    for (const json::value& group : groups.as_array()) {
      ++schemas;
      const std::string name(group.at("description").as_string());
      // Weir wants a bound beside uniqueItems. Arrays of the suite are shorter than this one.
      json::value asked = group.at("schema");
      if (asked.is_object() && asked.get_object().contains("uniqueItems"))
        asked.get_object().emplace("maxItems", 100);
      const auto schema = Schema::compile(json::serialize(asked));
      if (!schema) {
        refused.emplace(entry.path().stem().string() + ": " + name);
        continue;
      }
      for (const json::value& test : group.at("tests").as_array()) {
        ++tests;
        const auto checked = schema->check(json::serialize(test.at("data")));
        EXPECT_EQ(checked.has_value(), test.at("valid").as_bool())
            << entry.path().stem() << ": " << name << ": " << test.at("description").as_string()
            << (checked ? "" : "\n" + checked.error().text);
      }
    }
  }
  EXPECT_GT(schemas, 100);
  EXPECT_GT(tests, 350);
  for (const std::string& name : refused) EXPECT_TRUE(refused_schemas().contains(name)) << name;
  EXPECT_EQ(refused.size(), refused_schemas().size());
}

}  // namespace
}  // namespace weir::schema
