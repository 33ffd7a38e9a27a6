#include "importer/sender.hpp"

#include <gtest/gtest.h>

namespace weir::importer {
namespace {

using namespace std::chrono_literals;

TEST(SurelyDeduped, NeedsBothHalvesOfTheWindow) {
  struct Case {
    std::chrono::milliseconds age;
    std::int64_t moved;
    bool expected;
  };
  const LogState window{.log_id = "l", .end = 0, .dedup_window_ms = 1000, .dedup_window_events = 100};
  const std::vector<Case> cases = {{0ms, 0, true},     {499ms, 49, true}, {500ms, 0, false},
                                   {0ms, 50, false},   {-1ms, 0, false},  {0ms, -1, false},
                                   {499ms, 50, false}, {1h, 1000, false}};
  for (const Case& one : cases) {
    const Intent intent{.sent_at = WallTime(1'000'000ms), .log_end = 5000};
    LogState log = window;
    log.end = intent.log_end + one.moved;
    EXPECT_EQ(surely_deduped(intent, log, intent.sent_at + one.age), one.expected)
        << one.age.count() << " " << one.moved;
  }
}

TEST(SurelyDeduped, IsFalseWithoutAWindow) {
  EXPECT_FALSE(
      surely_deduped({.sent_at = WallTime(5ms), .log_end = 5}, {.log_id = "l", .end = 5}, WallTime(5ms)));
}

}  // namespace
}  // namespace weir::importer
