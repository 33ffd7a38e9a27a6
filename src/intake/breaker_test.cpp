#include "intake/breaker.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <random>
#include <thread>
#include <vector>

namespace weir::intake {
namespace {

using namespace std::chrono_literals;
using enum Breaker::Verdict;
using State = Breaker::State;
using Change = Breaker::Change;

class ABreaker : public testing::Test {
 protected:
  Change ask(Breaker::Verdict verdict) {
    const auto term = breaker_.pass(now_);
    EXPECT_TRUE(term);
    return term ? breaker_.judge(*term, verdict, now_) : Change::none;
  }
  void fail_until_open() {
    for (int failure = 0; failure < 5; ++failure) ask(bad);
    ASSERT_EQ(breaker_.state(now_), State::open);
  }

  Breaker breaker_;
  MonoTime now_{1h};
};

TEST_F(ABreaker, OpensAfterFiveFailuresInARow) {
  for (int failure = 0; failure < 4; ++failure) EXPECT_EQ(ask(bad), Change::none);
  EXPECT_EQ(breaker_.state(now_), State::closed);
  EXPECT_EQ(ask(bad), Change::opened);
  EXPECT_EQ(breaker_.state(now_), State::open);
  EXPECT_FALSE(breaker_.pass(now_ + 999ms));
}

TEST_F(ABreaker, StaysClosedWhileSomethingIsKeptNowAndThen) {
  for (int round = 0; round < 100; ++round) {
    for (int failure = 0; failure < 4; ++failure) EXPECT_EQ(ask(bad), Change::none);
    EXPECT_EQ(ask(good), Change::none);
  }
  EXPECT_TRUE(breaker_.is_closed());
}

TEST_F(ABreaker, CountsNeitherForNorAgainstTheLogWhatIsTheEventsFault) {
  for (int failure = 0; failure < 4; ++failure) ask(bad);
  for (int event = 0; event < 100; ++event) EXPECT_EQ(ask(neither), Change::none);
  EXPECT_TRUE(breaker_.is_closed());
  EXPECT_EQ(ask(bad), Change::opened);
}

TEST_F(ABreaker, LetsOneRequestThroughAfterAPauseAndClosesWhenItIsKept) {
  fail_until_open();
  now_ += 1s;
  EXPECT_EQ(breaker_.state(now_), State::half_open);
  const auto probe = breaker_.pass(now_);
  ASSERT_TRUE(probe);
  EXPECT_FALSE(breaker_.pass(now_)) << "one";
  EXPECT_EQ(breaker_.state(now_), State::half_open);
  EXPECT_EQ(breaker_.judge(*probe, good, now_), Change::closed);
  EXPECT_EQ(breaker_.state(now_), State::closed);
  for (int failure = 0; failure < 4; ++failure) EXPECT_EQ(ask(bad), Change::none) << "it begins anew";
}

TEST_F(ABreaker, DoublesItsPauseUpToTenSeconds) {
  fail_until_open();
  for (const auto pause : {1s, 2s, 4s, 8s, 10s, 10s}) {
    EXPECT_EQ(breaker_.retry_after(now_), pause);
    EXPECT_FALSE(breaker_.pass(now_ + pause - 1ms));
    now_ += pause;
    EXPECT_EQ(ask(bad), Change::none);
    EXPECT_EQ(breaker_.state(now_), State::open);
  }
  now_ += 10s;
  EXPECT_EQ(ask(good), Change::closed);
  fail_until_open();
  EXPECT_EQ(breaker_.retry_after(now_), 1s) << "the pauses begin anew, too";
}

TEST_F(ABreaker, DoesNotWaitForEverForTheOneItLetThrough) {
  fail_until_open();
  now_ += 1s;
  const auto lost = breaker_.pass(now_);
  ASSERT_TRUE(lost);
  EXPECT_FALSE(breaker_.pass(now_ + 14'999ms));
  now_ += 15s;
  const auto next = breaker_.pass(now_);
  ASSERT_TRUE(next);
  EXPECT_EQ(breaker_.judge(*lost, bad, now_), Change::none) << "its time is over";
  EXPECT_EQ(breaker_.judge(*next, good, now_), Change::closed);
}

TEST_F(ABreaker, LetsTheNextOneThroughAtOnceIfTheFirstToldNothing) {
  fail_until_open();
  now_ += 1s;
  EXPECT_EQ(ask(neither), Change::none);
  EXPECT_EQ(ask(good), Change::closed);
}

TEST_F(ABreaker, DoesNotHearWhatWasSentBeforeItOpened) {
  const auto early = breaker_.pass(now_);
  const auto late = breaker_.pass(now_);
  ASSERT_TRUE(early && late);
  fail_until_open();
  EXPECT_EQ(breaker_.judge(*early, good, now_), Change::none);
  EXPECT_EQ(breaker_.state(now_), State::open);
  now_ += 1s;
  ASSERT_EQ(ask(good), Change::closed);
  for (int failure = 0; failure < 10; ++failure) EXPECT_EQ(breaker_.judge(*late, bad, now_), Change::none);
  EXPECT_TRUE(breaker_.is_closed());
}

TEST_F(ABreaker, LetsOneThroughAtATimeHoweverManyThreadsAsk) {
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

TEST_F(ABreaker, IsNeverStuckWhateverBecomesOfWhatItLetsThrough) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Breaker breaker;
    std::vector<Breaker::Epoch> open;  // let through, and not answered yet
    for (int step = 0; step < 500; ++step) {
      now_ += std::chrono::milliseconds(random() % 3000);
      if (const auto term = breaker.pass(now_); term && random() % 8 != 0) open.push_back(*term);
      if (open.empty() || random() % 3 == 0) continue;
      const std::size_t which = random() % open.size();
      breaker.judge(open[which], static_cast<Breaker::Verdict>(random() % 3), now_);
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
    }
    now_ += 15s;  // the longest that anybody is waited for
    const auto term = breaker.pass(now_);
    ASSERT_TRUE(term);
    breaker.judge(*term, good, now_);
    EXPECT_TRUE(breaker.is_closed());
  }
}

}  // namespace
}  // namespace weir::intake
