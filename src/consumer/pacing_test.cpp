#include "consumer/pacing.hpp"

#include <gtest/gtest.h>

namespace weir::consumer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonoTime start{std::chrono::hours{1}};
constexpr PacingRules rules{
    .flush_interval = milliseconds{1000}, .flush_min_interval = milliseconds{200}, .batch_size = 100};

TEST(Pacing, AFullPartIsDueAtOnceWheneverTheLastFlushBegan) {
  Pacing pacing(rules);
  pacing.gathered(5, start);
  pacing.started(start);
  pacing.ended(start + seconds{1});
  pacing.gathered(5, start + milliseconds{10}, true, true);
  EXPECT_EQ(pacing.due_at(), start + milliseconds{10});
  pacing.gathered(0, start + milliseconds{20}, false, false);
  EXPECT_EQ(pacing.due_at(), std::nullopt);
}

TEST(Pacing, NothingIsDueWhileNothingWaits) {
  Pacing pacing(rules);
  EXPECT_EQ(pacing.due_at(), std::nullopt);
  pacing.gathered(0, start);
  EXPECT_EQ(pacing.due_at(), std::nullopt);
}

TEST(Pacing, FlushesAtTheLatestAnIntervalAfterTheFirstThatWaits) {
  Pacing pacing(rules);
  pacing.gathered(1, start);
  pacing.gathered(50, start + milliseconds{900});
  EXPECT_EQ(pacing.due_at(), start + milliseconds{1000});
}

TEST(Pacing, FlushesAtOnceWhenABatchWaits) {
  Pacing pacing(rules);
  pacing.gathered(99, start);
  pacing.gathered(100, start + milliseconds{10});
  EXPECT_LE(pacing.due_at(), start + milliseconds{10});
}

TEST(Pacing, KeepsItsDistanceFromTheLastFlush) {
  struct Case {
    milliseconds last_took;
    milliseconds distance;
  };
  for (const Case& each :
       {Case{milliseconds{1}, milliseconds{200}}, Case{milliseconds{50}, milliseconds{200}},
        Case{milliseconds{100}, milliseconds{400}}, Case{seconds{9}, milliseconds{1000}}}) {
    Pacing pacing(rules);
    pacing.started(start);
    pacing.ended(start + each.last_took);
    pacing.gathered(100, start + milliseconds{1});
    EXPECT_EQ(pacing.due_at(), start + each.distance) << each.last_took.count();
  }
}

TEST(Pacing, ALongerMinimumThanTheStretchIsKept) {
  Pacing pacing({.flush_interval = seconds{1}, .flush_min_interval = seconds{5}, .batch_size = 1});
  pacing.started(start);
  pacing.ended(start + seconds{1});
  pacing.gathered(1, start);
  EXPECT_EQ(pacing.due_at(), start + seconds{5});
}

TEST(TransactionSize, HalvesAfterATimeoutAndDoublesAfterManyThatWereCommitted) {
  TransactionSize size({.rows = 1000, .bytes = limits::MiB});
  size.took_too_long({.rows = 900, .bytes = 2000});
  EXPECT_EQ(size.now().rows, 450U);
  EXPECT_EQ(size.now().bytes, TransactionSize::bytes_min);
  for (int i = 0; i < TransactionSize::raise_after - 1; ++i) size.committed();
  EXPECT_EQ(size.now().rows, 450U);
  size.committed();
  EXPECT_EQ(size.now().rows, 900U);
  for (int i = 0; i < 10 * TransactionSize::raise_after; ++i) size.committed();
  EXPECT_EQ(size.now().rows, 1000U);
  EXPECT_EQ(size.now().bytes, limits::MiB);
  for (int i = 0; i < 20; ++i) size.took_too_long(size.now());
  EXPECT_EQ(size.now().rows, TransactionSize::rows_min);
  EXPECT_EQ(size.now().bytes, TransactionSize::bytes_min);
}

TEST(Retries, TriesThreeTimesQuicklyAndThenSteadily) {
  Retries retries;
  EXPECT_FALSE(retries.failing());
  for (const int expected : {100, 400, 1600}) {
    EXPECT_EQ(retries.after_failure(), milliseconds{expected});
    EXPECT_FALSE(retries.exhausted());
  }
  EXPECT_EQ(retries.after_failure(), milliseconds{1600});
  EXPECT_TRUE(retries.exhausted());
  retries.succeeded();
  EXPECT_FALSE(retries.failing());
  EXPECT_EQ(retries.after_failure(), milliseconds{100});
}

TEST(Pacing, FlushesWhatWasHeldUpAsSoonAsItMayBe) {
  Pacing pacing({.flush_interval = milliseconds{30'000}, .flush_min_interval = milliseconds{200}});
  pacing.gathered(0, start);
  EXPECT_EQ(pacing.due_at(), std::nullopt);
  pacing.gathered(0, start + milliseconds{10}, true);
  pacing.gathered(1, start + milliseconds{20}, true);
  EXPECT_EQ(pacing.due_at(), start + milliseconds{10});
  pacing.started(start + milliseconds{20});
  pacing.ended(start + milliseconds{30});
  EXPECT_EQ(pacing.due_at(), start + milliseconds{220}) << "but not without a pause";
  pacing.gathered(1, start + milliseconds{40});
  EXPECT_EQ(pacing.due_at(), start + milliseconds{30'020});
}

TEST(StartRetries, GivesUpAfterTheTenthTry) {
  StartRetries retries;
  for (const int expected : {500, 1000, 2000, 4000, 8000, 10'000, 10'000, 10'000, 10'000})
    EXPECT_EQ(retries.after_failure(), milliseconds{expected});
  EXPECT_EQ(retries.after_failure(), std::nullopt);
  EXPECT_EQ(retries.failures(), 10);
}

}  // namespace
}  // namespace weir::consumer
