#include "report/testing/fake_metrics_reader.hpp"

#include <gtest/gtest.h>

#include "report/testing/metrics_reader_contract.hpp"

namespace weir::report {
namespace {

class FakeReaderFixture final : public ReaderFixture {
 public:
  void given(const Stored& stored) override {
    const std::scoped_lock lock(whole_);
    for (const auto& row : stored.windows) store_->put(row);
    for (const auto& minute : stored.pending_rollups)
      store_->set_pending_rollup(minute.partition, minute.start, true);
    for (const auto& minute : stored.rolled_up)
      store_->set_pending_rollup(minute.partition, minute.start, false);
    for (const auto granularity : tally::all_granularities)
      if (stored.horizons) store_->set_horizon(granularity, stored.horizons->of(granularity));
    for (const auto& row : stored.ledgers) store_->put(row);
    for (const auto& row : stored.dead_letters) store_->put(row);
    for (const auto& [name, source] : stored.dimensions) {
      if (const auto is_new = names_.emplace(name).second; !is_new) continue;
      const auto number = tally::index_of(tally::first_own_dimension) + names_.size() - 1;
      store_->put(tally::KnownDimension{tally::Dimension(number), name, to_text(source), since});
    }
  }
  // FakeMetricsReader is both the store and its reader.
  std::unique_ptr<MetricsReader> reader() override { return std::make_unique<View>(*this); }

 private:
  class View final : public MetricsReader {
   public:
    explicit View(FakeReaderFixture& fixture) : fixture_(fixture) {}
    Result<std::unique_ptr<MetricsSnapshot>> snapshot(const Cancellation& cancellation = {}) override {
      const std::scoped_lock lock(fixture_.whole_);
      return fixture_.store_->snapshot(cancellation);
    }

   private:
    FakeReaderFixture& fixture_;
  };

  std::set<std::string> names_;  // of own dimensions
  std::mutex whole_;             // makes given() atomic for snapshots
  std::unique_ptr<FakeMetricsReader> store_ = std::make_unique<FakeMetricsReader>();
};

std::unique_ptr<ReaderFixture> make_fake_fixture() { return std::make_unique<FakeReaderFixture>(); }

INSTANTIATE_TEST_SUITE_P(Fake, MetricsReaderContract, ::testing::Values(&make_fake_fixture));

TEST(FakeMetricsReader, FailsTheChosenCallOnceWithTheGivenError) {
  FakeMetricsReader reader;
  reader.fail_call(1, {ErrorKind::unavailable, "store_away", "gone"});
  const auto snapshot = reader.snapshot();
  ASSERT_TRUE(snapshot);
  const auto horizons = (*snapshot)->horizons();
  ASSERT_FALSE(horizons);
  EXPECT_EQ(horizons.error().code, "store_away");
  EXPECT_TRUE((*snapshot)->horizons());
}

}  // namespace
}  // namespace weir::report
