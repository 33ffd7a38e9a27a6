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

// They fetch another document, have $id below the root, or have members beside $ref or without a meaning.
const std::set<std::string>& refused_schemas() {
  static const std::set<std::string> names{
      "definitions: invalid definition",
      "definitions: valid definition",
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
      const auto schema = Schema::compile(json::serialize(group.at("schema")));
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
  EXPECT_EQ(refused, refused_schemas());
}

}  // namespace
}  // namespace weir::schema
