#include "http/thread_load.hpp"

#include <gtest/gtest.h>

namespace weir::http {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// A thread that is observed twice a second.
class ThreadLoadTest : public testing::Test {
 protected:
  // Passes half a second, of which the thread runs and waits so long.
  bool observe(milliseconds running, milliseconds waiting) {
    times_.running += running;
    times_.waiting += waiting;
    now_ += 500ms;
    return load_.observe(times_, now_);
  }

  ThreadLoad load_;
  ThreadTimes times_{.running = 1h, .waiting = 1min};
  MonoTime now_{10h};
};

TEST_F(ThreadLoadTest, AsksForHelpAfterThreeSaturatedIntervals) {
  EXPECT_FALSE(observe(500ms, 0ms)) << "nothing to compare with";
  EXPECT_FALSE(observe(480ms, 10ms));
  EXPECT_FALSE(observe(480ms, 10ms));
  EXPECT_TRUE(observe(480ms, 10ms));
  EXPECT_TRUE(observe(450ms, 0ms));
}

TEST_F(ThreadLoadTest, BeginsAgainAfterAnIntervalThatIsNotSaturatedAndAfterReset) {
  for (int interval = 0; interval < 3; ++interval) EXPECT_FALSE(observe(500ms, 0ms));
  EXPECT_FALSE(observe(400ms, 0ms));
  for (int interval = 0; interval < 2; ++interval) EXPECT_FALSE(observe(500ms, 0ms));
  load_.reset();
  for (int interval = 0; interval < 2; ++interval) EXPECT_FALSE(observe(500ms, 0ms));
  EXPECT_TRUE(observe(500ms, 0ms));
}

TEST_F(ThreadLoadTest, AsksForNoHelpWhileAllCoresAreBusy) {
  for (int interval = 0; interval < 10; ++interval) EXPECT_FALSE(observe(450ms, 40ms));
}

TEST(ReadThreadTimes, GrowWhileTheThreadRuns) {
  const ThreadTimes before = read_thread_times();
  while (read_thread_times().running < before.running + 5ms) {
  }
  EXPECT_GE(read_thread_times().waiting, before.waiting);
}

}  // namespace
}  // namespace weir::http
