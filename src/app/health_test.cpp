#include "app/health.hpp"

#include <gtest/gtest.h>

namespace weir::app {
namespace {

using namespace std::chrono_literals;
using telemetry::Readiness;

std::optional<std::int64_t> number_of(const telemetry::Check& check, std::string_view name) {
  for (const auto& [known, value] : check.numbers) {
    if (known == name) return value;
  }
  ADD_FAILURE() << "no member " << name;
  return -1;
}

TEST(LogCheck, DividesTheDedupeWindowByThePartitions) {
  const config::Settings settings{.dedup_window = 600s, .dedup_window_events = 1'000'000};
  const auto share = [&](std::int32_t partitions) {
    return number_of(log_check({.up = true, .partitions = partitions}, settings, false),
                     "dedup_window_events");
  };
  EXPECT_EQ(share(1), 1'000'000);
  EXPECT_EQ(share(12), 83'333);
  EXPECT_EQ(share(2'000'000), 1);
  EXPECT_EQ(share(0), 1'000'000) << "the number of partitions is not known yet";
}

TEST(LogCheck, ShowsTheLimitsOfAnEventAndABody) {
  telemetry::Check check = log_check({.up = true}, {}, false);
  add_bounds(check, {.max_event_bytes = 1000, .max_body_bytes = 3000});
  EXPECT_EQ(number_of(check, "max_event_bytes"), 1000);
  EXPECT_EQ(number_of(check, "max_body_bytes"), 3000);
}

TEST(LogCheck, ShowsWhyEventsAreRefused) {
  EXPECT_EQ(log_check({.up = true}, {}, false).readiness, Readiness::ready);
  const telemetry::Check away = log_check({.up = false, .reason = "no broker answers"}, {}, false);
  EXPECT_EQ(away.readiness, Readiness::unready);
  EXPECT_EQ(away.reason, "away: no broker answers");
  EXPECT_EQ(log_check({.up = false, .reason = "starting"}, {}, false).reason, "starting");
  const telemetry::Check draining = log_check({.up = true}, {}, true);
  EXPECT_EQ(draining.readiness, Readiness::unready);
  EXPECT_EQ(draining.reason, "draining");
}

TEST(LogCheck, IsDegradedWhileTheDiskIsAlmostFull) {
  const telemetry::Check enough = log_check({.up = true, .disk_free_bytes = disk_free_bytes_min}, {}, false);
  EXPECT_EQ(enough.readiness, Readiness::ready);
  EXPECT_EQ(number_of(enough, "disk_free_bytes"), disk_free_bytes_min);
  const telemetry::Check low = log_check({.up = true, .disk_free_bytes = 3 << 20}, {}, false);
  EXPECT_EQ(low.readiness, Readiness::degraded);
  EXPECT_EQ(low.reason, "disk space is low: 3 MiB are free for DATA_DIR, less than 128");
  const telemetry::Check full =
      log_check({.up = false, .reason = "disk is full", .disk_free_bytes = 0}, {}, false);
  EXPECT_EQ(full.readiness, Readiness::unready);
  EXPECT_TRUE(full.reason.starts_with("away: disk is full; disk space is low: 0 MiB")) << full.reason;
}

TEST(StoreCheck, IsDegradedWhileTheStoreIsUnavailable) {
  EXPECT_EQ(store_check({.store_up = true}).readiness, Readiness::ready);
  const telemetry::Check away = store_check({.store_up = false, .store_reason = "connection refused"});
  EXPECT_EQ(away.readiness, Readiness::degraded);
  EXPECT_EQ(away.reason, "away: connection refused");
}

TEST(StoreCheck, IsUnreadyWhileAnOperatorMustAct) {
  const telemetry::Check refuses = store_check({.store_up = false,
                                                .store_reason = "column activity_ledger.read holds NULL",
                                                .store_needs_operator = true});
  EXPECT_EQ(refuses.readiness, Readiness::unready);
  EXPECT_EQ(refuses.reason, "a person must act: column activity_ledger.read holds NULL");
}

TEST(FreshnessCheck, ShowsEachPhaseAndARefusedPartition) {
  const Now now{.wall = WallTime(100'000ms), .mono = MonoTime(50s)};
  struct Case {
    consumer::Status status;
    Readiness readiness;
    std::string reason;
  };
  consumer::Status refused{.phase = consumer::Phase::live};
  refused.partitions = {
      {.partition = 2, .state = consumer::PartitionStatus::State::live},
      {.partition = 3,
       .state = consumer::PartitionStatus::State::refused,
       .reason = "offsets 1 to 5 are gone"},
      {.partition = 4, .state = consumer::PartitionStatus::State::opening, .reason = "the store is away"}};
  consumer::Status broken{.phase = consumer::Phase::opening};
  broken.partitions = {{.partition = 5, .reason = "its row does not add up", .needs_operator = true}};
  consumer::Status waiting{.phase = consumer::Phase::live};
  waiting.dlq_reason = "partition 2: waiting for the dead letter topic to acknowledge 1 dead letter";
  const std::vector<Case> cases{
      {broken, Readiness::unready,
       "opening partitions; partition 5 cannot be opened, a person must act: its row does not add up"},
      {waiting, Readiness::degraded,
       "partition 2: waiting for the dead letter topic to acknowledge 1 dead letter"},
      {{.phase = consumer::Phase::live}, Readiness::ready, ""},
      {{.phase = consumer::Phase::starting}, Readiness::unready, "starting"},
      {{.phase = consumer::Phase::opening}, Readiness::degraded, "opening partitions"},
      {{.phase = consumer::Phase::catching_up}, Readiness::degraded, "catching up"},
      {{.phase = consumer::Phase::draining}, Readiness::unready, "draining"},
      {{.phase = consumer::Phase::live, .log_up = false, .log_reason = "gone"},
       Readiness::degraded,
       "the log cannot be read: gone"},
      {{.phase = consumer::Phase::starting, .log_up = false, .log_reason = "gone"},
       Readiness::unready,
       "starting; the log cannot be read: gone"},
      {{.phase = consumer::Phase::draining, .log_up = false, .log_reason = "gone"},
       Readiness::unready,
       "draining; the log cannot be read: gone"},
      {refused, Readiness::unready, "partition 3 is not read: offsets 1 to 5 are gone"},
  };
  for (const Case& one : cases) {
    const telemetry::Check check = freshness_check(one.status, now, 1s);
    EXPECT_EQ(check.readiness, one.readiness) << one.reason;
    EXPECT_EQ(check.reason, one.reason);
  }
}

TEST(FreshnessCheck, ShowsTheAgesOfTheOldestUnreadRecordAndOfTheLastFlush) {
  const Now now{.wall = WallTime(100'000ms), .mono = MonoTime(50s)};
  consumer::Status status{.phase = consumer::Phase::live};
  status.oldest_unread_at = RecordTime(98'500ms);
  status.last_good_flush = Now{.wall = WallTime(99'000ms), .mono = MonoTime(49s)};
  const telemetry::Check check = freshness_check(status, now, 1s);
  EXPECT_EQ(number_of(check, "oldest_unread_age_ms"), 1500);
  EXPECT_EQ(number_of(check, "last_flush_age_ms"), 1000);
  status.oldest_unread_at = RecordTime(101'000ms);
  EXPECT_EQ(number_of(freshness_check(status, now, 1s), "oldest_unread_age_ms"), 0) << "clocks differ";
}

TEST(FreshnessCheck, IsDegradedWhileEventsWaitLongerThanTheFlushIntervalExplains) {
  const Now now{.wall = WallTime(100'000ms), .mono = MonoTime(50s)};
  consumer::Status status{.phase = consumer::Phase::live};
  status.oldest_unread_at = RecordTime(59'999ms);
  EXPECT_EQ(freshness_check(status, now, 11s).readiness, Readiness::ready);
  const telemetry::Check late = freshness_check(status, now, 10s);
  EXPECT_EQ(late.readiness, Readiness::degraded);
  EXPECT_EQ(late.reason, "catching up: the oldest event that is not counted is 40 s old");
}

TEST(FreshnessCheck, HasNoAgeBeforeTheFirstFlush) {
  const consumer::Status status{.phase = consumer::Phase::starting};
  EXPECT_EQ(number_of(freshness_check(status, {}, 1s), "last_flush_age_ms"), std::nullopt);
}

TEST(WithoutConsumer, TheOtherTwoChecksAreReadyAndSayWhy) {
  for (const telemetry::Check& check : checks_without_consumer()) {
    EXPECT_EQ(check.readiness, Readiness::ready);
    EXPECT_TRUE(check.reason.starts_with("not part of this process")) << check.name;
  }
  EXPECT_EQ(checks_without_consumer().size(), 2);
}

TEST(FreshnessCheck, HasNoAgeWhileAPartitionIsRefused) {
  const Now now{.wall = WallTime(100'000ms), .mono = MonoTime(50s)};
  consumer::Status status{.phase = consumer::Phase::live};
  status.partitions = {{.partition = 0, .state = consumer::PartitionStatus::State::refused}};
  EXPECT_EQ(number_of(freshness_check(status, now, 1s), "oldest_unread_age_ms"), std::nullopt);
}

}  // namespace
}  // namespace weir::app
