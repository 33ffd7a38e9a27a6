#include "consumer/pacing.hpp"

#include <gtest/gtest.h>

namespace weir::consumer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonoTime start{std::chrono::hours{1}};
constexpr PacingSettings rules{
    .flush_interval = milliseconds{1000}, .flush_min_interval = milliseconds{200}, .batch_size = 100};

TEST(Pacing, AFullBatchIsDueAtOnceWithoutAnInterval) {
  Pacing pacing(rules);
  pacing.set_pending(5, start);
  pacing.on_flush_started(start);
  pacing.on_flush_committed(start + seconds{1});
  pacing.set_pending(5, start + milliseconds{10}, true, true);
  EXPECT_EQ(pacing.flush_due_at(), start + milliseconds{10});
  pacing.set_pending(0, start + milliseconds{20}, false, false);
  EXPECT_EQ(pacing.flush_due_at(), std::nullopt);
}

TEST(Pacing, NothingIsDueWhileNothingIsPending) {
  Pacing pacing(rules);
  EXPECT_EQ(pacing.flush_due_at(), std::nullopt);
  pacing.set_pending(0, start);
  EXPECT_EQ(pacing.flush_due_at(), std::nullopt);
}

TEST(Pacing, AFlushIsDueAnIntervalAfterTheFirstPendingEvent) {
  Pacing pacing(rules);
  pacing.set_pending(1, start);
  pacing.set_pending(50, start + milliseconds{900});
  EXPECT_EQ(pacing.flush_due_at(), start + milliseconds{1000});
}

TEST(Pacing, AFlushIsDueAtOnceWhenTheBatchSizeIsReached) {
  Pacing pacing(rules);
  pacing.set_pending(99, start);
  pacing.set_pending(100, start + milliseconds{10});
  EXPECT_LE(pacing.flush_due_at(), start + milliseconds{10});
}

TEST(Pacing, TheIntervalGrowsWithTheDurationOfTheLastFlush) {
  struct Case {
    milliseconds last_took;
    milliseconds distance;
  };
  for (const Case& each :
       {Case{milliseconds{1}, milliseconds{200}}, Case{milliseconds{50}, milliseconds{200}},
        Case{milliseconds{100}, milliseconds{400}}, Case{seconds{9}, milliseconds{1000}}}) {
    Pacing pacing(rules);
    pacing.on_flush_started(start);
    pacing.on_flush_committed(start + each.last_took);
    pacing.set_pending(100, start + milliseconds{1});
    EXPECT_EQ(pacing.flush_due_at(), start + each.distance) << each.last_took.count();
  }
}

TEST(Pacing, AConfiguredMinimumAboveTheStretchWins) {
  Pacing pacing({.flush_interval = seconds{1}, .flush_min_interval = seconds{5}, .batch_size = 1});
  pacing.on_flush_started(start);
  pacing.on_flush_committed(start + seconds{1});
  pacing.set_pending(1, start);
  EXPECT_EQ(pacing.flush_due_at(), start + seconds{5});
}

TEST(Pacing, NewSettingsHoldForWhatWaitsAlready) {
  Pacing pacing({.flush_interval = seconds{60}, .flush_min_interval = seconds{30}, .batch_size = 100});
  pacing.on_flush_started(start);
  pacing.on_flush_committed(start + milliseconds{1});
  pacing.set_pending(5, start + milliseconds{10});
  EXPECT_EQ(pacing.flush_due_at(), start + milliseconds{60'010});
  pacing.set_settings(
      {.flush_interval = seconds{1}, .flush_min_interval = milliseconds{200}, .batch_size = 100});
  EXPECT_EQ(pacing.flush_due_at(), start + milliseconds{1010});
  pacing.set_settings(
      {.flush_interval = seconds{1}, .flush_min_interval = milliseconds{200}, .batch_size = 5});
  EXPECT_EQ(pacing.flush_due_at(), start + milliseconds{200});
}

TEST(TransactionSize, HalvesAfterATimeoutAndDoublesAfterManyCommits) {
  TransactionSize size({.rows = 1000, .bytes = limits::MiB});
  size.on_timeout({.rows = 900, .bytes = 2000});
  EXPECT_EQ(size.current().rows, 450U);
  EXPECT_EQ(size.current().bytes, TransactionSize::bytes_min);
  for (int i = 0; i < TransactionSize::raise_after - 1; ++i) size.on_committed();
  EXPECT_EQ(size.current().rows, 450U);
  size.on_committed();
  EXPECT_EQ(size.current().rows, 900U);
  for (int i = 0; i < 10 * TransactionSize::raise_after; ++i) size.on_committed();
  EXPECT_EQ(size.current().rows, 1000U);
  EXPECT_EQ(size.current().bytes, limits::MiB);
  for (int i = 0; i < 20; ++i) size.on_timeout(size.current());
  EXPECT_EQ(size.current().rows, TransactionSize::rows_min);
  EXPECT_EQ(size.current().bytes, TransactionSize::bytes_min);
}

TEST(Retries, DelaysGrowThreeTimesAndThenStay) {
  Retries retries;
  EXPECT_FALSE(retries.is_failing());
  for (const int expected : {100, 400, 1600}) {
    EXPECT_EQ(retries.after_failure(), milliseconds{expected});
    EXPECT_FALSE(retries.is_exhausted());
  }
  EXPECT_EQ(retries.after_failure(), milliseconds{1600});
  EXPECT_TRUE(retries.is_exhausted());
  retries.on_success();
  EXPECT_FALSE(retries.is_failing());
  EXPECT_EQ(retries.after_failure(), milliseconds{100});
}

TEST(Pacing, OverdueEventsAreDueAtTheMinimumInterval) {
  Pacing pacing({.flush_interval = milliseconds{30'000}, .flush_min_interval = milliseconds{200}});
  pacing.set_pending(0, start);
  EXPECT_EQ(pacing.flush_due_at(), std::nullopt);
  pacing.set_pending(0, start + milliseconds{10}, true);
  pacing.set_pending(1, start + milliseconds{20}, true);
  EXPECT_EQ(pacing.flush_due_at(), start + milliseconds{10});
  pacing.on_flush_started(start + milliseconds{20});
  pacing.on_flush_committed(start + milliseconds{30});
  EXPECT_EQ(pacing.flush_due_at(), start + milliseconds{220}) << "but not before the minimum interval";
  pacing.set_pending(1, start + milliseconds{40});
  EXPECT_EQ(pacing.flush_due_at(), start + milliseconds{30'020});
}

TEST(StartRetries, StopAfterTheTenthTry) {
  StartRetries retries;
  for (const int expected : {500, 1000, 2000, 4000, 8000, 10'000, 10'000, 10'000, 10'000})
    EXPECT_EQ(retries.after_failure(), milliseconds{expected});
  EXPECT_EQ(retries.after_failure(), std::nullopt);
  EXPECT_EQ(retries.failures(), 10);
}

}  // namespace
}  // namespace weir::consumer
