#include "telemetry/logger.hpp"

#include <gtest/gtest.h>
#include <regex>

namespace weir::telemetry {
namespace {

// Returns what the logger writes, with each leading time replaced by TIME.
template <class Write>
std::string written(Severity min_severity, bool json, Write write) {
  testing::internal::CaptureStderr();
  write(*make_logger(min_severity, json));
  std::string text = testing::internal::GetCapturedStderr();
  const std::regex time(json ? R"(\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",)"
                             : R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z )");
  return std::regex_replace(text, time, "TIME ");
}

TEST(Logger, WritesOneJsonObjectForEachLine) {
  EXPECT_EQ(
      written(Severity::info, true,
              [](Logger& logger) {
                logger.info("serving", {{"port", "8080"}, {"reason", "a \"b\"\nc"}});
                logger.warn("the event log is unavailable");
              }),
      "TIME \"level\":\"info\",\"message\":\"serving\",\"port\":\"8080\",\"reason\":\"a \\\"b\\\"\\nc\"}\n"
      "TIME \"level\":\"warning\",\"message\":\"the event log is unavailable\"}\n");
}

TEST(Logger, WritesPlainTextWithFields) {
  EXPECT_EQ(written(Severity::info, false,
                    [](Logger& logger) {
                      logger.error("cannot start", {{"port", "8080"}, {"reason", "address already in use"}});
                    }),
            "TIME error   cannot start port=8080 reason=\"address already in use\"\n");
}

TEST(Logger, WritesCorrectTimesBeforeAndAfter1970) {
  const std::pair<std::int64_t, const char*> times[] = {{-1, "1969-12-31T23:59:59.999Z"},
                                                        {0, "1970-01-01T00:00:00.000Z"},
                                                        {1, "1970-01-01T00:00:00.001Z"},
                                                        {-86'400'000, "1969-12-31T00:00:00.000Z"},
                                                        {4'102'444'800'123, "2100-01-01T00:00:00.123Z"}};
  for (const auto& [milliseconds, text] : times) {
    const auto clock = [at = milliseconds] { return WallTime{std::chrono::milliseconds{at}}; };
    testing::internal::CaptureStderr();
    make_logger(Severity::info, true, clock)->info("x");
    make_logger(Severity::info, false, clock)->info("x");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), R"({"time":")" + std::string(text) +
                                                          R"(","level":"info","message":"x"})" + "\n" + text +
                                                          " info    x\n");
  }
}

TEST(Logger, DropsLinesBelowTheMinimumSeverity) {
  EXPECT_EQ(written(Severity::warn, false,
                    [](Logger& logger) {
                      logger.debug("no");
                      logger.info("no");
                      logger.warn("yes");
                    }),
            "TIME warning yes\n");
}

// Fault 36: control characters from input must not reach the terminal.
TEST(Logger, EscapesControlCharacters) {
  std::string controls;
  for (char byte = 1; byte < 0x20; ++byte) controls += byte;
  controls +=
      "\x7f\xC2\x9B"
      "31m\xC2\x85\xE2\x82\xAC\xFF";
  for (const bool json : {true, false}) {
    const std::string line =
        written(Severity::info, json, [&](Logger& logger) { logger.info(controls, {{"user", controls}}); });
    EXPECT_EQ(std::ranges::count(line, '\n'), 1) << line;
    EXPECT_TRUE(line.ends_with('\n'));
    for (const char byte : line.substr(0, line.size() - 1)) {
      EXPECT_GE(static_cast<unsigned char>(byte), 0x20) << line;
      EXPECT_NE(byte, '\x7f') << line;
    }
    for (const std::string_view c1 : {"\xC2\x9B", "\xC2\x85"})
      EXPECT_EQ(line.find(c1), std::string::npos) << line;
    EXPECT_NE(line.find("\\u009b31m"), std::string::npos) << line;
    EXPECT_NE(line.find("\xE2\x82\xAC"), std::string::npos) << "the euro sign is no control character";
  }
}

}  // namespace
}  // namespace weir::telemetry
