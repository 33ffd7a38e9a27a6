#include "config/show.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

namespace weir::config {
namespace {

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(ConfigTable, ShowsEachSettingAndWhereItCameFrom) {
  const auto loaded =
      load({.command = Command::serve,
            .environment = {{"BATCH_SIZE", "7"}, {"DB_PASSWORD", "s3cret"}, {"DATA_DIR", "my data"}},
            .command_line = {{"SERVER_PORT", "9002"}}});
  ASSERT_TRUE(loaded);
  const std::string table = to_table(*loaded);
  std::map<std::string, std::string> lines;
  std::istringstream in(table);
  for (std::string name, rest; in >> name && std::getline(in, rest);) lines[name] = rest;
  EXPECT_TRUE(has(lines["BATCH_SIZE"], " 7 "));
  EXPECT_TRUE(lines["BATCH_SIZE"].ends_with("  environment"));
  EXPECT_TRUE(has(lines["SERVER_PORT"], " 9002 "));
  EXPECT_TRUE(lines["SERVER_PORT"].ends_with("  command line"));
  EXPECT_TRUE(has(lines["FLUSH_INTERVAL_SEC"], " 1 "));
  EXPECT_TRUE(lines["FLUSH_INTERVAL_SEC"].ends_with("  default"));
  EXPECT_TRUE(has(lines["DATA_DIR"], "\"my data\""));
  EXPECT_TRUE(has(lines["DB_PASSWORD"], "***"));
  EXPECT_TRUE(lines["DB_PASSWORD"].ends_with("  environment, not used"));
  EXPECT_FALSE(has(table, "s3cret"));
  EXPECT_FALSE(has(table, "DB_USER"));
}

TEST(ConfigTable, PrintsEachValueOnOneLine) {
  const auto loaded = load({.command = Command::serve, .environment = {{"DATA_DIR", "a\nb\x1b[2J"}}});
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(has(to_table(*loaded), "\x1b"));
  EXPECT_FALSE(has(to_table(*loaded), "a\nb"));
}

TEST(Help, ListsTheVariablesOfTheCommand) {
  const std::string serve = help_of_variables(Command::serve);
  EXPECT_TRUE(has(serve, "FLUSH_INTERVAL_SEC      1 "));
  EXPECT_TRUE(has(serve, "KAFKA_BROKERS"));
  EXPECT_TRUE(has(serve, "CONSUL_HTTP_ADDR"));
  EXPECT_FALSE(has(help_of_variables(Command::producer), "DB_HOST"));
  EXPECT_TRUE(has(help_of_variables(Command::consumer), "CONSUMER_PORT"));
  const std::string asking = help_of_variables(Command::import);
  EXPECT_TRUE(has(asking, "SERVER_PORT"));
  EXPECT_FALSE(has(asking, "BATCH_SIZE"));
}

// With WEIR_WRITE_DOCS=1 the test writes the page first.
TEST(Docs, SettingsPageMatchesTheTable) {
  const std::filesystem::path page = std::filesystem::path(WEIR_SOURCE_DIR) / "docs/SETTINGS.md";
  const std::string expected =
      "# Settings\n\nGenerated from the table in `src/config/variable.cpp`; a test compares the two. Each "
      "setting is an "
      "environment\nvariable. All but secrets and `KAFKA_PROPERTY_*` are also options of the same name in "
      "lower case with "
      "hyphens:\n`--batch-size`, and keys of `CONFIG_FILE` and of Consul: `batch_size`. "
      "[OPERATING](OPERATING.md#settings) tells\nwhich source is used first, and how a running process gets "
      "a "
      "new value.\n\n" +
      variables_in_markdown();
  if (std::getenv("WEIR_WRITE_DOCS") != nullptr) std::ofstream(page) << expected;
  std::ifstream file(page);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), expected);
}

TEST(Docs, ListEveryVariable) {
  const std::string page = variables_in_markdown();
  for (const Variable& variable : variables())
    EXPECT_TRUE(has(page, "| " + std::string(variable.name) + " | "));
  EXPECT_TRUE(has(page, "| FLUSH_INTERVAL_SEC | 30 (serve: 1) | a whole number from 1 to 86400 | "));
}

TEST(Errors, ArePrintedOnALineEach) {
  EXPECT_EQ(to_text({{"A", "A is wrong"}, {"B", "B too"}}), "A is wrong\nB too\n");
}

TEST(Option, IsTheVariableInLowerCaseWithHyphens) {
  EXPECT_EQ(option_name(*find_variable("FLUSH_MIN_INTERVAL_MS")), "flush-min-interval-ms");
}

}  // namespace
}  // namespace weir::config
