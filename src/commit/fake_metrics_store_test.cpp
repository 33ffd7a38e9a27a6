#include "commit/testing/fake_metrics_store.hpp"

#include "commit/testing/metrics_store_contract.hpp"

namespace weir::commit {
namespace {

class FakeStoreFixture final : public StoreFixture {
 public:
  std::unique_ptr<MetricsStore> session(const std::string& group) override {
    return std::make_unique<FakeMetricsStore>(database_, group);
  }
  StoreContents contents() override {
    StoreContents contents;
    for (const auto& [key, window] : database_.windows) contents.windows.push_back(window.row);
    contents.pending_rollups.assign(database_.pending_rollups.begin(), database_.pending_rollups.end());
    contents.pruned_to = database_.pruned_to;
    for (const auto& [name, row] : database_.archived)
      contents.archived.push_back(
          {.topic = name.first, .ledger = row, .dead_letters = letters(name.first, name.second)});
    contents.dead_letters = letters(FakeMetricsStore::topic, std::nullopt);
    contents.flushes = database_.flushes;
    for (const auto& [partition, row] : database_.ledgers) contents.ledgers.push_back(row);
    return contents;
  }

 private:
  [[nodiscard]] std::vector<StoredDeadLetter> letters(const std::string& topic,
                                                      std::optional<std::int32_t> partition) const {
    std::vector<StoredDeadLetter> all;
    for (const auto& [id, stored] : database_.dead_letters) {
      if (id.topic != topic || (partition && id.partition != *partition)) continue;
      all.push_back({stored.dead_letter, stored.attempts, stored.replayed_at});
    }
    return all;
  }

  FakeDatabase database_;
};

std::unique_ptr<StoreFixture> make_fake_fixture() { return std::make_unique<FakeStoreFixture>(); }

INSTANTIATE_TEST_SUITE_P(Fake, MetricsStoreContract, testing::Values(&make_fake_fixture));

}  // namespace
}  // namespace weir::commit
