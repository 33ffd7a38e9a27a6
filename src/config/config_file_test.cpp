#include "config/config_file.hpp"

#include <gtest/gtest.h>

#include "config/load.hpp"

namespace weir::config {
namespace {

std::vector<std::string> lines_of(const SourceTexts& file) {
  std::vector<std::string> lines;
  for (const SettingError& error : file.errors) lines.push_back(error.text);
  return lines;
}

using Lines = std::vector<std::string>;

TEST(ConfigFile, HasKeysInLowerOrUpperCaseAndStringsNumbersOrLists) {
  const auto file = parse_config_file(R"(# a comment
log_level = "debug"
RATE_LIMIT_RPS = 1_000
cors_origins = ["https://a.example", "https://b.example"]
kafka_property_ssl_ca_location = "/etc/ca.pem"
batch_size = "7"
)",
                                      "/etc/weir.toml");
  EXPECT_EQ(lines_of(file), Lines{});
  EXPECT_EQ(file.texts, (Texts{{"LOG_LEVEL", "debug"},
                               {"RATE_LIMIT_RPS", "1000"},
                               {"CORS_ORIGINS", "https://a.example,https://b.example"},
                               {"KAFKA_PROPERTY_SSL_CA_LOCATION", "/etc/ca.pem"},
                               {"BATCH_SIZE", "7"}}));
}

TEST(ConfigFile, NamesEachFaultWithItsLine) {
  const auto file = parse_config_file(R"(flush_intervall = 5
Batch_Size = 5
batch_size = 1.5
log_level = "info"
LOG_LEVEL = "warn"
config_file = "other.toml"
api_secret = "hunter2"
[server]
port = 80
)",
                                      "weir.toml");
  const std::string names =
      ": expected the name of a setting, in lower case or in upper case (docs/SETTINGS.md lists them)";
  const auto lines = lines_of(file);
  for (const std::string& expected :
       {"flush_intervall=\"5\" in CONFIG_FILE weir.toml, line 1" + names,
        "Batch_Size=\"5\" in CONFIG_FILE weir.toml, line 2" + names,
        std::string("batch_size in CONFIG_FILE weir.toml, line 3: found a value of another type; expected a "
                    "string, a whole number or a list of them"),
        std::string("CONFIG_FILE in CONFIG_FILE weir.toml, line 6: it tells where settings are read from; "
                    "expected it in the environment or on the command line"),
        "api_secret in CONFIG_FILE weir.toml, line 7" + names,
        std::string(
            "server in CONFIG_FILE weir.toml, line 8: found a table; expected a string, a whole number "
            "or a list of them")})
    EXPECT_NE(std::ranges::find(lines, expected), lines.end())
        << expected << "\n in " << testing::PrintToString(lines);
  EXPECT_EQ(lines.size(), 7U) << "one of them for LOG_LEVEL, which is set twice";
}

TEST(ConfigFile, WithBrokenSyntaxIsOneFault) {
  const auto file = parse_config_file("log_level = \n", "weir.toml");
  ASSERT_EQ(file.errors.size(), 1U);
  EXPECT_TRUE(file.errors[0].text.starts_with("CONFIG_FILE weir.toml, line 1: ")) << file.errors[0].text;
  EXPECT_TRUE(file.errors[0].text.ends_with("; expected TOML"));
}

TEST(ConfigFile, ThatCannotBeReadIsOneFault) {
  EXPECT_EQ(
      lines_of(read_config_file("/nowhere/weir.toml")),
      (Lines{"CONFIG_FILE /nowhere/weir.toml: No such file or directory; expected a TOML file that can be "
             "read"}));
  EXPECT_EQ(lines_of(read_config_file("/")).size(), 1U) << "a folder";
}

TEST(Consul, CannotTellWhereConsulIs) {
  SourceTexts consul{.origin = Origin::consul, .texts = {}, .errors = {}};
  consul.add("consul_http_addr", "localhost:8500", "in Consul");
  EXPECT_EQ(lines_of(consul),
            (Lines{"CONSUL_HTTP_ADDR in Consul: it tells where settings are read from; expected it in the "
                   "environment or on the command line, or in CONFIG_FILE"}));
}

}  // namespace
}  // namespace weir::config
