#include "telemetry/log_throttle.hpp"

#include <gtest/gtest.h>

namespace weir::telemetry {
namespace {

using namespace std::chrono_literals;

TEST(LogThrottle, IsSaidAtOnceAndThenSummedUp) {
  LogThrottle away;
  const MonoTime start{1h};
  EXPECT_EQ(away.happens(start), 1u);
  for (int time = 0; time < 1'233; ++time) EXPECT_FALSE(away.happens(start + 5s));
  EXPECT_FALSE(away.happens(start + 9'999ms));
  EXPECT_EQ(away.happens(start + 10s), 1'235u);
  EXPECT_FALSE(away.happens(start + 11s));
}

TEST(LogThrottle, IsNewAgainOnceItHasEnded) {
  LogThrottle away;
  const MonoTime start{1h};
  EXPECT_EQ(away.happens(start), 1u);
  EXPECT_FALSE(away.happens(start + 1s));
  EXPECT_EQ(away.ends(), 1u);
  EXPECT_EQ(away.happens(start + 2s), 1u);
  EXPECT_EQ(away.ends(), 0u);
}

}  // namespace
}  // namespace weir::telemetry
