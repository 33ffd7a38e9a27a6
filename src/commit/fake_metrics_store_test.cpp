#include "commit/testing/fake_metrics_store.hpp"

#include "commit/testing/metrics_store_contract.hpp"

namespace weir::commit {
namespace {

class FakeStoreWorld final : public StoreFixture {
 public:
  std::unique_ptr<MetricsStore> session(const std::string& group) override {
    return std::make_unique<FakeMetricsStore>(database_, group);
  }
  Standing standing() override {
    Standing standing;
    for (const auto& [key, window] : database_.windows) standing.windows.push_back(window.row);
    standing.unrolled.assign(database_.unrolled.begin(), database_.unrolled.end());
    standing.pruned_to = database_.pruned_to;
    for (const auto& [name, row] : database_.retired)
      standing.retired.push_back(
          {.topic = name.first, .ledger = row, .letters = letters(name.first, name.second)});
    standing.letters = letters(FakeMetricsStore::topic, std::nullopt);
    standing.flushes = database_.flushes;
    for (const auto& [partition, row] : database_.ledgers) standing.ledgers.push_back(row);
    return standing;
  }

 private:
  [[nodiscard]] std::vector<StandingLetter> letters(const std::string& topic,
                                                    std::optional<std::int32_t> partition) const {
    std::vector<StandingLetter> all;
    for (const auto& [place, letter] : database_.letters) {
      if (place.topic != topic || (partition && place.partition != *partition)) continue;
      all.push_back({letter.letter, letter.attempts, letter.replayed_at});
    }
    return all;
  }

  FakeDatabase database_;
};

std::unique_ptr<StoreFixture> make_fake_world() { return std::make_unique<FakeStoreWorld>(); }

INSTANTIATE_TEST_SUITE_P(Fake, MetricsStoreContract, testing::Values(&make_fake_world));

}  // namespace
}  // namespace weir::commit
