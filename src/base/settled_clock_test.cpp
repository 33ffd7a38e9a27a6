#include "base/settled_clock.hpp"

#include <gtest/gtest.h>

namespace weir {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;

constexpr WallTime noon{std::chrono::milliseconds{1'764'000'000'000}};

// The two clocks, which the test advances and steps.
struct Clock {
  Now now{.wall = noon, .mono = MonoTime{90min}};
  SettledClock settled;

  SettledClock::Reading after(std::chrono::milliseconds time, std::chrono::milliseconds step = 0ms) {
    now.mono += time;
    now.wall += time + step;
    return settled.read(now);
  }
};

TEST(SettledClock, FollowsAWallClockThatDoesNotStep) {
  Clock clock;
  EXPECT_EQ(clock.after(0ms).settled, noon);
  EXPECT_EQ(clock.after(72h).settled, noon + 72h);
  EXPECT_EQ(clock.after(1s).step, 0ms);
}

TEST(SettledClock, Fault41FollowsAStepAheadOnlyOnceItHasLastedAnHour) {
  for (const auto step : {std::chrono::milliseconds{days{10}}, std::chrono::milliseconds{days{1461}}}) {
    Clock clock;
    clock.after(0ms);
    const auto read = clock.after(1s, step);
    EXPECT_EQ(read.settled, noon + 1s);
    EXPECT_EQ(read.step, step);
    EXPECT_EQ(clock.after(59min).settled, noon + 1s + 59min);
    EXPECT_EQ(clock.after(1min).settled, noon + 1s + 1h + step) << "accepted after an hour";
  }
}

TEST(SettledClock, Fault41FollowsAClockThatIsCorrectAgainAtOnce) {
  Clock clock;
  clock.after(0ms);
  clock.after(1s, days{10});
  EXPECT_EQ(clock.after(1s, -days{10}).settled, noon + 2s);
  EXPECT_EQ(clock.after(1s, days{10}).settled, noon + 3s) << "the hour starts again";
  EXPECT_EQ(clock.after(59min).settled, noon + 3s + 59min);
}

TEST(SettledClock, Fault41FollowsAStepBackAtOnce) {
  Clock clock;
  clock.after(0ms);
  EXPECT_EQ(clock.after(1s, -days{10}).settled, noon + 1s - days{10});
}

TEST(SettledClock, FollowsASmallLeadAtOnce) {
  Clock clock;
  clock.after(0ms);
  EXPECT_EQ(clock.after(1s, SettledClock::lead_max).settled, noon + 1s + SettledClock::lead_max);
}

}  // namespace
}  // namespace weir
