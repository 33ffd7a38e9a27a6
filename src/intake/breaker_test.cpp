#include "intake/breaker.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <random>
#include <thread>
#include <vector>

namespace weir::intake {
namespace {

using namespace std::chrono_literals;
using enum Breaker::AppendResult;
using State = Breaker::State;
using Change = Breaker::Change;

class BreakerTest : public testing::Test {
 protected:
  Change report(Breaker::AppendResult result) {
    const auto epoch = breaker_.pass(now_);
    EXPECT_TRUE(epoch);
    return epoch ? breaker_.on_result(*epoch, result, now_) : Change::none;
  }
  void fail_until_open() {
    for (int time = 0; time < 5; ++time) report(failure);
    ASSERT_EQ(breaker_.state(now_), State::open);
  }

  Breaker breaker_;
  MonoTime now_{1h};
};

TEST_F(BreakerTest, OpensAfterFiveFailuresInARow) {
  for (int time = 0; time < 4; ++time) EXPECT_EQ(report(failure), Change::none);
  EXPECT_EQ(breaker_.state(now_), State::closed);
  EXPECT_EQ(report(failure), Change::opened);
  EXPECT_EQ(breaker_.state(now_), State::open);
  EXPECT_FALSE(breaker_.pass(now_ + 999ms));
}

TEST_F(BreakerTest, StaysClosedWhileSomeAppendsSucceed) {
  for (int round = 0; round < 100; ++round) {
    for (int time = 0; time < 4; ++time) EXPECT_EQ(report(failure), Change::none);
    EXPECT_EQ(report(success), Change::none);
  }
  EXPECT_TRUE(breaker_.is_closed());
}

TEST_F(BreakerTest, IgnoresAppendsThatFailBecauseOfTheEvent) {
  for (int time = 0; time < 4; ++time) report(failure);
  for (int event = 0; event < 100; ++event) EXPECT_EQ(report(ignored), Change::none);
  EXPECT_TRUE(breaker_.is_closed());
  EXPECT_EQ(report(failure), Change::opened);
}

TEST_F(BreakerTest, LetsOneRequestPassAfterAPauseAndClosesWhenItSucceeds) {
  fail_until_open();
  now_ += 1s;
  EXPECT_EQ(breaker_.state(now_), State::half_open);
  const auto probe = breaker_.pass(now_);
  ASSERT_TRUE(probe);
  EXPECT_FALSE(breaker_.pass(now_)) << "only one";
  EXPECT_EQ(breaker_.state(now_), State::half_open);
  EXPECT_EQ(breaker_.on_result(*probe, success, now_), Change::closed);
  EXPECT_EQ(breaker_.state(now_), State::closed);
  for (int time = 0; time < 4; ++time) EXPECT_EQ(report(failure), Change::none) << "the count starts again";
}

TEST_F(BreakerTest, DoublesItsPauseUpToTenSeconds) {
  fail_until_open();
  for (const auto pause : {1s, 2s, 4s, 8s, 10s, 10s}) {
    EXPECT_EQ(breaker_.retry_after(now_), pause);
    EXPECT_FALSE(breaker_.pass(now_ + pause - 1ms));
    now_ += pause;
    EXPECT_EQ(report(failure), Change::none);
    EXPECT_EQ(breaker_.state(now_), State::open);
  }
  now_ += 10s;
  EXPECT_EQ(report(success), Change::closed);
  fail_until_open();
  EXPECT_EQ(breaker_.retry_after(now_), 1s) << "the pauses start again, too";
}

TEST_F(BreakerTest, LetsTheNextRequestPassIfTheProbeReportsNothing) {
  fail_until_open();
  now_ += 1s;
  const auto lost = breaker_.pass(now_);
  ASSERT_TRUE(lost);
  EXPECT_FALSE(breaker_.pass(now_ + 14'999ms));
  now_ += 15s;
  const auto next = breaker_.pass(now_);
  ASSERT_TRUE(next);
  EXPECT_EQ(breaker_.on_result(*lost, failure, now_), Change::none) << "its result is too late";
  EXPECT_EQ(breaker_.on_result(*next, success, now_), Change::closed);
}

TEST_F(BreakerTest, LetsTheNextRequestPassAtOnceIfTheProbeIsIgnored) {
  fail_until_open();
  now_ += 1s;
  EXPECT_EQ(report(ignored), Change::none);
  EXPECT_EQ(report(success), Change::closed);
}

TEST_F(BreakerTest, IgnoresResultsOfRequestsThatPassedBeforeItOpened) {
  const auto early = breaker_.pass(now_);
  const auto late = breaker_.pass(now_);
  ASSERT_TRUE(early && late);
  fail_until_open();
  EXPECT_EQ(breaker_.on_result(*early, success, now_), Change::none);
  EXPECT_EQ(breaker_.state(now_), State::open);
  now_ += 1s;
  ASSERT_EQ(report(success), Change::closed);
  for (int time = 0; time < 10; ++time) EXPECT_EQ(breaker_.on_result(*late, failure, now_), Change::none);
  EXPECT_TRUE(breaker_.is_closed());
}

TEST_F(BreakerTest, LetsOneProbePassHoweverManyThreadsAsk) {
  fail_until_open();
  now_ += 1s;
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      for (int time = 0; time < 1000; ++time)
        if (breaker_.pass(now_)) ++passed;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(passed, 1);
}

TEST_F(BreakerTest, CanAlwaysCloseAgainWhateverItsProbesReport) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Breaker breaker;
    std::vector<Breaker::Epoch> open;  // passed, and no result yet
    for (int step = 0; step < 500; ++step) {
      now_ += std::chrono::milliseconds(random() % 3000);
      if (const auto epoch = breaker.pass(now_); epoch && random() % 8 != 0) open.push_back(*epoch);
      if (open.empty() || random() % 3 == 0) continue;
      const std::size_t which = random() % open.size();
      breaker.on_result(open[which], static_cast<Breaker::AppendResult>(random() % 3), now_);
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
    }
    now_ += 15s;  // probe_timeout, the longest wait
    const auto epoch = breaker.pass(now_);
    ASSERT_TRUE(epoch);
    breaker.on_result(*epoch, success, now_);
    EXPECT_TRUE(breaker.is_closed());
  }
}

}  // namespace
}  // namespace weir::intake
