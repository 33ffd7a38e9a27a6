#include "app/upkeep.hpp"

#include "intake/event_log_world.hpp"
#include "sqlite/log_test_world.hpp"
#include "sqlite/metrics_reader.hpp"
#include "sqlite/store_test_world.hpp"

namespace weir::app {
namespace {

using namespace std::chrono_literals;

constexpr RecordTime long_ago{1'790'000'000s};

// A log with four commits of one event each, an hour apart, and a ledger of which `counted` are in the numbers.
class UpkeepTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(log_.open());
    for (int hour = 0; hour < 4; ++hour) {
      log_.clock().set(long_ago + std::chrono::hours{hour});
      intake::Append one{.bytes = "event", .records = {{.value_at = 0, .value_bytes = 5}}};
      std::atomic<bool> kept = false;
      log_.log().append(std::move(one), [&](const intake::Receipts& receipts) {
        kept = receipts.all == intake::Receipt::kept;
      });
      sqlite::eventually([&] { return kept.load(); });
    }
  }

  void count(std::int64_t counted) {
    auto store = sqlite::SqliteMetricsStore::open(sqlite::store_options(folder_));
    ASSERT_TRUE(store);
    auto row = (*store)->open_ledger(0, 0, long_ago);
    ASSERT_TRUE(row);
    const rollup::Fence fence{0, row->next_offset, row->version};
    ASSERT_TRUE((*store)->begin({&fence, 1}));
    row->version += 1;
    row->next_offset = row->read = row->tallied = counted;
    ASSERT_TRUE((*store)->write({.written_at = long_ago, .ledgers = {*row}}));
    ASSERT_EQ((*store)->commit().end, rollup::CommitEnd::committed);
  }

  // The first offset that is left after a round at `now`.
  std::int64_t start_after(UpkeepSettings settings, WallTime now, std::int64_t expected) {
    settings.pause = 1h;
    auto reader =
        sqlite::SqliteMetricsReader::open({.data_dir = folder_.path(), .topic = sqlite::test_topic});
    auto store = sqlite::SqliteMetricsStore::open(sqlite::store_options(folder_));
    const auto settle = [&store] { return (*store)->checkpoint(); };
    Upkeep upkeep(settings, settle, **reader, log_.log(), *silent_, [](const Error&) { FAIL(); });
    EXPECT_TRUE(upkeep.round(now));
    auto log_reader = sqlite::EmbeddedLogReader::open(log_.file(), log_.log().commits());
    EXPECT_TRUE((*log_reader)->poll(0ms));
    const auto start = [&] { return (*log_reader)->bounds(0)->start; };
    if (expected > 0) sqlite::eventually([&] { return start() == expected; });
    log_.log().stop(1min);  // whatever it still wanted to take away is gone now
    return start();
  }

  sqlite::TestFolder folder_;
  sqlite::LogUnderTest log_;
  std::unique_ptr<observe::Log> silent_ = observe::make_silent_log();
};

TEST_F(UpkeepTest, ForgetsWhatIsCountedAndOlderThanTheRetention) {
  count(4);
  EXPECT_EQ(start_after({.log_retention = 2h, .dedup_window = 600s}, long_ago + 3h + 1s, 2), 2);
}

TEST_F(UpkeepTest, NeverForgetsWhatIsNotCounted) {
  count(1);
  EXPECT_EQ(start_after({.log_retention = 1h, .dedup_window = 600s}, long_ago + 48h, 1), 1);
}

TEST_F(UpkeepTest, NeverForgetsWithoutALedger) {
  ASSERT_TRUE(sqlite::SqliteMetricsStore::open(sqlite::store_options(folder_)));
  EXPECT_EQ(start_after({.log_retention = 1h, .dedup_window = 600s}, long_ago + 48h, 0), 0);
}

TEST_F(UpkeepTest, KeepsTheDedupeWindowWhateverTheRetention) {
  count(4);
  EXPECT_EQ(start_after({.log_retention = 1h, .dedup_window = 2h + 30min}, long_ago + 3h, 1), 1);
}

TEST_F(UpkeepTest, KeepsEverythingForEverWhenToldTo) {
  count(4);
  EXPECT_EQ(start_after({.log_retention = 0h, .dedup_window = 600s}, long_ago + 1000h, 0), 0);
}

}  // namespace
}  // namespace weir::app
