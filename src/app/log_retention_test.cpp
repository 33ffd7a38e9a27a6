#include "app/log_retention.hpp"

#include "intake/testing/event_log_fixture.hpp"
#include "sqlite/log_reader.hpp"
#include "sqlite/testing/log_fixture.hpp"

namespace weir::app {
namespace {

using namespace std::chrono_literals;

constexpr RecordTime long_ago{1'790'000'000s};

using State = consumer::PartitionStatus::State;

consumer::PartitionStatus partition(std::int32_t number, State state,
                                    std::optional<std::int64_t> next_offset) {
  consumer::PartitionStatus held{.partition = number, .state = state};
  if (next_offset) held.ledger.emplace().next_offset = *next_offset;
  return held;
}

TEST(CountedTo, IsKnownOnlyWhileThePartitionIsHeldAndLive) {
  struct Case {
    std::string_view what;
    std::vector<consumer::PartitionStatus> partitions;
    std::optional<std::int64_t> counted;
  };
  const std::vector<Case> cases{
      {"nothing is held yet", {}, std::nullopt},
      {"held and live", {partition(0, State::live, 7)}, 7},
      {"being opened", {partition(0, State::opening, std::nullopt)}, std::nullopt},
      {"refused (ON_OFFSET_GONE=stop)", {partition(0, State::refused, std::nullopt)}, std::nullopt},
      {"the dedupe memory is rebuilt", {partition(0, State::catching_up, 7)}, std::nullopt},
      {"another partition", {partition(1, State::live, 7)}, std::nullopt},
      {"refused beside another one",
       {partition(0, State::refused, std::nullopt), partition(1, State::live, 7)},
       std::nullopt},
  };
  for (const Case& each : cases) {
    consumer::Status status;
    status.partitions = each.partitions;
    EXPECT_EQ(counted_to(status), each.counted) << each.what;
  }
}

// A log with four commits of one event each, an hour apart. The first `counted_` events are in the store.
class LogRetentionTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(log_.open());
    for (int hour = 0; hour < 4; ++hour) {
      log_.clock().set(long_ago + std::chrono::hours{hour});
      intake::EventBatch one{.bytes = "event", .records = {{.value_at = 0, .value_bytes = 5}}};
      std::atomic<bool> kept = false;
      log_.log().append(std::move(one), [&](const intake::Receipts& receipts) {
        kept = receipts.all == intake::Receipt::kept;
      });
      sqlite::eventually([&] { return kept.load(); });
    }
  }

  // Returns the first offset that remains after a round at `now`.
  std::int64_t start_after(LogRetentionSettings settings, WallTime now, std::int64_t expected) {
    settings.interval = 1h;
    const auto counted = [this] { return counted_; };
    const auto make_durable = [this]() -> Result<bool> { return durable_; };
    LogRetention retention(settings, counted, make_durable, log_.log(), *silent_,
                           [](const Error&) { FAIL(); });
    EXPECT_TRUE(retention.round(now));
    auto log_reader = sqlite::EmbeddedLogReader::open(log_.file(), log_.log().commits());
    EXPECT_TRUE((*log_reader)->poll(0ms));
    const auto start = [&] { return (*log_reader)->bounds(0)->start; };
    if (expected > 0) sqlite::eventually([&] { return start() == expected; });
    log_.log().stop(1min);  // waits for the pruning
    return start();
  }

  sqlite::LogUnderTest log_;
  std::optional<std::int64_t> counted_;
  bool durable_ = true;
  std::unique_ptr<telemetry::Logger> silent_ = telemetry::make_silent_logger();
};

TEST_F(LogRetentionTest, PrunesCountedEventsOlderThanTheRetention) {
  counted_ = 4;
  EXPECT_EQ(start_after({.log_retention = 2h, .dedup_window = 600s}, long_ago + 3h + 1s, 2), 2);
}

TEST_F(LogRetentionTest, KeepsEventsThatAreNotCounted) {
  counted_ = 1;
  EXPECT_EQ(start_after({.log_retention = 1h, .dedup_window = 600s}, long_ago + 48h, 1), 1);
}

TEST_F(LogRetentionTest, PrunesNothingWhileNoPartitionIsHeld) {
  EXPECT_EQ(start_after({.log_retention = 1h, .dedup_window = 600s}, long_ago + 48h, 0), 0);
}

TEST_F(LogRetentionTest, PrunesNothingBeforeTheStoreIsDurable) {
  counted_ = 4;
  durable_ = false;
  EXPECT_EQ(start_after({.log_retention = 1h, .dedup_window = 600s}, long_ago + 48h, 0), 0);
}

TEST_F(LogRetentionTest, KeepsTheDedupeWindowWhenTheRetentionIsShorter) {
  counted_ = 4;
  EXPECT_EQ(start_after({.log_retention = 1h, .dedup_window = 2h + 30min}, long_ago + 3h, 1), 1);
}

TEST_F(LogRetentionTest, KeepsEverythingForeverWithRetention0) {
  counted_ = 4;
  EXPECT_EQ(start_after({.log_retention = 0h, .dedup_window = 600s}, long_ago + 1000h, 0), 0);
}

}  // namespace
}  // namespace weir::app
