#include "telemetry/log_throttle.hpp"

#include <gtest/gtest.h>

namespace weir::telemetry {
namespace {

using namespace std::chrono_literals;

TEST(LogThrottle, LogsTheFirstOccurrenceAtOnceAndLaterOnesAsASum) {
  LogThrottle throttle;
  const MonoTime start{1h};
  EXPECT_EQ(throttle.on_occurrence(start), 1u);
  for (int time = 0; time < 1'233; ++time) EXPECT_FALSE(throttle.on_occurrence(start + 5s));
  EXPECT_FALSE(throttle.on_occurrence(start + 9'999ms));
  EXPECT_EQ(throttle.on_occurrence(start + 10s), 1'235u);
  EXPECT_FALSE(throttle.on_occurrence(start + 11s));
}

TEST(LogThrottle, LogsAtOnceAgainAfterTheEnd) {
  LogThrottle throttle;
  const MonoTime start{1h};
  EXPECT_EQ(throttle.on_occurrence(start), 1u);
  EXPECT_FALSE(throttle.on_occurrence(start + 1s));
  EXPECT_EQ(throttle.on_end(), 1u);
  EXPECT_EQ(throttle.on_occurrence(start + 2s), 1u);
  EXPECT_EQ(throttle.on_end(), 0u);
}

}  // namespace
}  // namespace weir::telemetry
