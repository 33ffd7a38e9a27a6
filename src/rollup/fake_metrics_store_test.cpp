#include "rollup/fake_metrics_store.hpp"

#include "rollup/metrics_store_contract.hpp"

namespace weir::rollup {
namespace {

class FakeStoreWorld final : public StoreWorld {
 public:
  std::unique_ptr<MetricsStore> session(const std::string& group) override {
    return std::make_unique<FakeMetricsStore>(database_, group);
  }
  Standing standing() override {
    Standing standing;
    for (const auto& [key, window] : database_.windows) standing.windows.push_back(window.row);
    standing.unrolled.assign(database_.unrolled.begin(), database_.unrolled.end());
    standing.pruned_to = database_.pruned_to;
    for (const auto& [at, letter] : database_.letters) standing.letters.push_back({letter, 1});
    standing.flushes = database_.flushes;
    for (const auto& [partition, row] : database_.ledgers) standing.ledgers.push_back(row);
    return standing;
  }

 private:
  FakeDatabase database_;
};

std::unique_ptr<StoreWorld> make_fake_world() { return std::make_unique<FakeStoreWorld>(); }

INSTANTIATE_TEST_SUITE_P(Fake, MetricsStoreContract, testing::Values(&make_fake_world));

}  // namespace
}  // namespace weir::rollup
