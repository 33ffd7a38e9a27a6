#include "telemetry/logger.hpp"

#include <gtest/gtest.h>
#include <regex>

namespace weir::telemetry {
namespace {

// What a log writes, without the time at its line's beginning, which must be there.
template <class Write>
std::string written(Severity least, bool json, Write write) {
  testing::internal::CaptureStderr();
  write(*make_logger(least, json));
  std::string text = testing::internal::GetCapturedStderr();
  const std::regex time(json ? R"(\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",)"
                             : R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z )");
  return std::regex_replace(text, time, "TIME ");
}

TEST(Logger, IsOneObjectALineForMachines) {
  EXPECT_EQ(
      written(Severity::info, true,
              [](Logger& log) {
                log.info("serving", {{"port", "8080"}, {"reason", "a \"b\"\nc"}});
                log.warn("the log is away");
              }),
      "TIME \"level\":\"info\",\"message\":\"serving\",\"port\":\"8080\",\"reason\":\"a \\\"b\\\"\\nc\"}\n"
      "TIME \"level\":\"warning\",\"message\":\"the log is away\"}\n");
}

TEST(Logger, IsPlainForPeople) {
  EXPECT_EQ(
      written(Severity::info, false,
              [](Logger& log) { log.error("cannot start", {{"port", "8080"}, {"reason", "it is taken"}}); }),
      "TIME error   cannot start port=8080 reason=\"it is taken\"\n");
}

TEST(Logger, ShowsTimesAround1970AsTheyAre) {
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

TEST(Logger, LeavesOutWhatIsNotWanted) {
  EXPECT_EQ(written(Severity::warn, false,
                    [](Logger& log) {
                      log.debug("no");
                      log.info("no");
                      log.warn("yes");
                    }),
            "TIME warning yes\n");
}

// Fault 36: no control characters from input in logs.
TEST(Logger, ShowsControlCharactersInsteadOfObeyingThem) {
  std::string wild;
  for (char byte = 1; byte < 0x20; ++byte) wild += byte;
  wild +=
      "\x7f\xC2\x9B"
      "31m\xC2\x85\xE2\x82\xAC\xFF";
  for (const bool json : {true, false}) {
    const std::string line =
        written(Severity::info, json, [&](Logger& log) { log.info(wild, {{"user", wild}}); });
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
