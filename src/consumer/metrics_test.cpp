#include "consumer/metrics.hpp"

#include <gtest/gtest.h>

#include "telemetry/exposition.hpp"
#include "telemetry/testing/exposition_reader.hpp"

namespace weir::consumer {
namespace {

using namespace std::chrono_literals;

class ConsumerMetrics : public testing::Test {
 protected:
  std::vector<telemetry::Series> read() const {
    telemetry::Exposition exposition;
    collect(status_, now_, exposition);
    auto series = telemetry::read_exposition(exposition.text());
    EXPECT_TRUE(series) << series.error();
    return series.value_or(std::vector<telemetry::Series>{});
  }
  bool is_absent(std::string_view name) const {
    const auto all = read();
    return telemetry::find_series(all, name, {}) == nullptr;
  }
  double value(std::string_view name, const std::map<std::string, std::string>& labels = {}) const {
    const auto all = read();
    const telemetry::Series* series = telemetry::find_series(all, name, labels);
    EXPECT_NE(series, nullptr) << name;
    return series ? series->value : -1;
  }

  Now now_{.wall = WallTime{1'000'000s}, .mono = MonoTime{1h}};
  Status status_;
};

TEST_F(ConsumerMetrics, AreWellFormedAtTheStart) {
  EXPECT_GT(read().size(), 30u);
  EXPECT_EQ(value("weir_consumer_phase", {{"phase", "starting"}}), 1);
  EXPECT_EQ(value("weir_consumer_phase", {{"phase", "live"}}), 0);
  EXPECT_EQ(value("weir_consumer_phase", {{"phase", "catching_up"}}), 0);
}

TEST_F(ConsumerMetrics, AddUpAsTheLedgerDoes) {
  status_.counts = {.read = 10, .tallied = 6, .duplicate = 1, .dead_lettered = 3, .skipped = 2};
  status_.dead_letters = {{"not_json", 2}, {"timestamp_ahead", 1}};
  EXPECT_EQ(value("weir_consumer_read_total"),
            value("weir_consumer_tallied_total") + value("weir_consumer_duplicate_total") +
                value("weir_consumer_dead_lettered_total", {{"reason", "not_json"}}) +
                value("weir_consumer_dead_lettered_total", {{"reason", "timestamp_ahead"}}));
  EXPECT_EQ(value("weir_consumer_skipped_total"), 2);
}

TEST_F(ConsumerMetrics, ReportTheLagOfEachPartition) {
  status_.partitions = {{.partition = 0,
                         .state = PartitionStatus::State::live,
                         .ledger =
                             PartitionStatus::Ledger{
                                 .next_offset = 5, .log_end = 12, .oldest_unread_at = {}, .observed_at = {}}},
                        {.partition = 7,
                         .state = PartitionStatus::State::live,
                         .ledger = PartitionStatus::Ledger{
                             .next_offset = 9, .log_end = 10, .oldest_unread_at = {}, .observed_at = {}}}};
  status_.phase = Phase::live;
  EXPECT_EQ(value("weir_consumer_lag_records", {{"partition", "0"}}), 7);
  EXPECT_EQ(value("weir_consumer_lag_records", {{"partition", "7"}}), 1);
  EXPECT_EQ(value("weir_consumer_partitions", {{"state", "live"}}), 2);
}

TEST_F(ConsumerMetrics, ReportTheAgeAndTheDedupeWindowOfEachPartition) {
  using Ledger = PartitionStatus::Ledger;
  const auto partition = [](std::int32_t number, const Ledger& ledger) {
    return PartitionStatus{.partition = number, .state = PartitionStatus::State::live, .ledger = ledger};
  };
  status_.phase = Phase::live;
  status_.partitions = {
      partition(0, {.next_offset = 5,
                    .log_end = 12,
                    .oldest_unread_at = now_.wall - 40s,
                    .observed_at = {},
                    .dedupe_entries = 3,
                    .dedupe_span = 1500ms}),
      partition(1, {.next_offset = 9, .log_end = 9, .oldest_unread_at = {}, .observed_at = {}}),
      partition(2, {.next_offset = 9, .log_end = 10, .oldest_unread_at = {}, .observed_at = {}})};
  constexpr std::string_view age = "weir_consumer_partition_oldest_unread_age_seconds";
  EXPECT_EQ(value(age, {{"partition", "0"}}), 40);
  EXPECT_EQ(value(age, {{"partition", "1"}}), 0) << "it is read to its end";
  const auto all = read();
  EXPECT_EQ(telemetry::find_series(all, age, {{"partition", "2"}}), nullptr) << "its record was not read yet";
  EXPECT_EQ(value("weir_consumer_log_end_offset", {{"partition", "0"}}), 12);
  EXPECT_EQ(value("weir_consumer_dedupe_entries", {{"partition", "0"}}), 3);
  EXPECT_EQ(value("weir_consumer_dedupe_span_seconds", {{"partition", "0"}}), 1.5);
}

TEST_F(ConsumerMetrics, CountCappedValuesByDimensionFromTheStart) {
  const std::vector<tally::CountedDimension> own{{tally::first_own_dimension, {}}};
  const std::vector<std::string> names{"plan"};
  status_.capped = make_capped_counts(own, names);
  ASSERT_EQ(status_.capped.size(), 4u) << "page, referrer, activity_type, plan";
  status_.capped.back().values = 7;
  EXPECT_EQ(value("weir_consumer_capped_values_total", {{"dimension", "plan"}}), 7);
  EXPECT_EQ(value("weir_consumer_capped_values_total", {{"dimension", "page"}}), 0);
}

TEST_F(ConsumerMetrics, ReportTheSizeOfFlushes) {
  for (const std::int64_t events : {0, 1, 100, 101, 1'000'000}) status_.flush_sizes.add(events);
  status_.rows_written = 12;
  status_.sketch_bytes_written = 340;
  EXPECT_EQ(value("weir_consumer_flush_events_bucket", {{"le", "1"}}), 2);
  EXPECT_EQ(value("weir_consumer_flush_events_bucket", {{"le", "100"}}), 3);
  EXPECT_EQ(value("weir_consumer_flush_events_bucket", {{"le", "+Inf"}}), 5);
  EXPECT_EQ(value("weir_consumer_flush_events_sum"), 1'000'202);
  EXPECT_EQ(value("weir_consumer_rows_written_total"), 12);
  EXPECT_EQ(value("weir_consumer_sketch_bytes_written_total"), 340);
}

TEST_F(ConsumerMetrics, NeverReportAPartitionThatIsNotReadAsCaughtUp) {
  using State = PartitionStatus::State;
  const PartitionStatus::Ledger caught_up{
      .next_offset = 9, .log_end = 9, .oldest_unread_at = {}, .observed_at = {}};
  const PartitionStatus::Ledger unread{
      .next_offset = 9, .log_end = 12, .oldest_unread_at = {}, .observed_at = {}};
  struct Case {
    std::string_view what;
    Phase phase;
    std::vector<PartitionStatus> partitions;
    bool age_is_known;
  };
  const PartitionStatus live{.state = State::live, .ledger = caught_up};
  const std::vector<Case> cases{
      {"nothing was assigned yet", Phase::starting, {}, false},
      {"live", Phase::live, {live}, true},
      {"one is refused", Phase::live, {live, {.partition = 1, .state = State::refused}}, false},
      {"one is being opened", Phase::opening, {live, {.partition = 1, .state = State::opening}}, false},
      {"the dedupe window is being rebuilt",
       Phase::catching_up,
       {{.state = State::catching_up, .ledger = caught_up}},
       false},
      {"an unread record was not read yet", Phase::live, {{.state = State::live, .ledger = unread}}, false},
  };
  for (const Case& each : cases) {
    status_.phase = each.phase;
    status_.partitions = each.partitions;
    EXPECT_NE(is_absent("weir_consumer_oldest_unread_age_seconds"), each.age_is_known) << each.what;
  }
  status_.partitions = {live, {.partition = 8, .state = State::refused}};
  EXPECT_EQ(value("weir_consumer_partitions", {{"state", "refused"}}), 1);
  const auto all = read();
  EXPECT_EQ(telemetry::find_series(all, "weir_consumer_lag_records", {{"partition", "8"}}), nullptr);
}

TEST_F(ConsumerMetrics, ReportAgesRelativeToTheClockAndNeverBelowZero) {
  status_.oldest_unread_at = now_.wall - 90s;
  status_.last_good_flush = Now{.wall = now_.wall, .mono = now_.mono - 3s};
  EXPECT_EQ(value("weir_consumer_oldest_unread_age_seconds"), 90);
  EXPECT_EQ(value("weir_consumer_last_flush_age_seconds"), 3);
  status_.oldest_unread_at = now_.wall + 10s;
  EXPECT_EQ(value("weir_consumer_oldest_unread_age_seconds"), 0);
}

TEST_F(ConsumerMetrics, HaveTheNamesOfTheDeadLetterTopicAndTheBacklog) {
  status_.dlq_pending = 3;
  status_.backlog_events = 40;
  status_.offsets_out_of_range = 1;
  status_.fence_failures = 2;
  status_.transactions_abandoned = 4;
  EXPECT_EQ(value("weir_consumer_dlq_pending"), 3);
  EXPECT_EQ(value("weir_consumer_backlog_events"), 40);
  EXPECT_EQ(value("weir_consumer_partition_events_total", {{"event", "offset_out_of_range"}}), 1);
  EXPECT_EQ(value("weir_consumer_fence_failures_total"), 2);
  EXPECT_EQ(value("weir_consumer_transactions_abandoned_total"), 4);
}

TEST_F(ConsumerMetrics, ReportFlushDurationsInSeconds) {
  for (const auto took : {3ms, 30ms, 30ms, 9000ms}) status_.flush_durations.add(took);
  EXPECT_EQ(value("weir_consumer_flush_duration_seconds_bucket", {{"le", "0.005"}}), 1);
  EXPECT_EQ(value("weir_consumer_flush_duration_seconds_bucket", {{"le", "0.05"}}), 3);
  EXPECT_EQ(value("weir_consumer_flush_duration_seconds_bucket", {{"le", "+Inf"}}), 4);
  EXPECT_DOUBLE_EQ(value("weir_consumer_flush_duration_seconds_sum"), 9.063);
}

}  // namespace
}  // namespace weir::consumer
