// Flushes and roll-ups in steps: with steps and transactions of any size the rows in the store are the same.
#include <map>
#include <random>

#include "commit/flush.hpp"
#include "commit/roll_up.hpp"
#include "commit/testing/fake_metrics_store.hpp"

namespace weir::commit {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr WallTime now{milliseconds{1'764'072'000'000}};
constexpr RecordTime record_time = now;
using Windows = std::map<tally::WindowKey, tally::WindowRow>;

// Counts the calls of the store and checks the size of each write.
class WatchedStore final {
 public:
  explicit WatchedStore(FakeDatabase& database) : store_(database, "the-group") {}

  std::int64_t run(Transaction& transaction, std::size_t rows_max) {
    std::int64_t calls = 0;
    while (std::optional<StoreCall> call = transaction.next()) {
      ++calls;
      if (const auto* write = request_if<Write>(*call)) {
        EXPECT_LE(write->changes.windows.size(), rows_max);
      }
      execute(*std::move(call), store_);
    }
    EXPECT_FALSE(transaction.failure()) << transaction.failure()->text;
    return calls;
  }
  FakeMetricsStore& store() { return store_; }

 private:
  FakeMetricsStore store_;
};

class Steps : public testing::Test {
 protected:
  // Events of two partitions over three hours; one minute of partition 0 has more pages than a window stores.
  [[nodiscard]] static std::vector<PendingBatch> parts(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<PendingBatch> parts;
    for (const std::int32_t partition : {0, 1}) {
      PendingBatch& part = parts.emplace_back(std::chrono::days{7});
      for (int i = 0; i < 1500; ++i) {
        const bool crowded = partition == 0 && i < 1200;
        const std::string user = "user-" + std::to_string(random() % 300);
        const std::string page =
            "/" + std::to_string(crowded ? static_cast<std::uint64_t>(i) : random() % 40);
        activity::UserActivity activity;
        activity.user_id = user;
        activity.activity_type = random() % 2 == 0 ? "page_view" : "click";
        activity.timestamp = now - (crowded ? minutes{0} : minutes{random() % 180});
        if (random() % 50 == 0) activity.timestamp = now - hours{24 * 30};  // only in its hour and day
        activity.metadata.page_url = page;
        part.tally.add(activity, murmur3(user).low, record_time);
      }
      part.counts = {.read = 1500, .tallied = 1500};
      part.next_offset = 1500;
    }
    return parts;
  }

  static void open(FakeMetricsStore& store, std::vector<tally::LedgerRow>& ledgers) {
    for (const std::int32_t partition : {0, 1})
      ledgers.push_back(store.open_ledger(partition, 0, now).value());
  }

  static Windows windows_of(const FakeDatabase& database) {
    Windows windows;
    for (const auto& [key, window] : database.windows) windows[key] = window.row;
    return windows;
  }

  // Flushes twice, so that the second flush finds rows.
  static std::int64_t flush(WatchedStore& store, std::vector<tally::LedgerRow>& ledgers, std::uint64_t seed,
                            const RowBounds& step) {
    std::int64_t calls = 0;
    for (int round = 0; round < 2; ++round) {
      std::vector<PartitionCommit> commits;
      std::vector<Flush::PartitionBatch> batches;
      std::vector<PendingBatch> gathered = parts(seed + static_cast<std::uint64_t>(round));
      for (std::size_t i = 0; i < gathered.size(); ++i) {
        gathered[i].next_offset += ledgers[i].next_offset;
        commits.push_back({.generation = 1, .before = ledgers[i], .after = gathered[i].added_to(ledgers[i])});
        batches.push_back({ledgers[i].partition, std::move(gathered[i])});
      }
      Transaction transaction(
          std::move(commits),
          std::make_unique<Flush>(std::move(batches), Flush::Pruning{}, FakeMetricsStore::topic, step), now);
      calls += store.run(transaction, 5 * step.rows);  // each delta, its total and three (other) rows
      for (std::size_t i = 0; i < ledgers.size(); ++i) ledgers[i] = transaction.commits()[i].after;
      windows_opened += transaction.plan().counted().windows_opened;
    }
    return calls;
  }

  // Rolls up until nothing is pending. Returns the number of transactions.
  static int roll_up(WatchedStore& store, FakeDatabase& database, std::vector<tally::LedgerRow>& ledgers,
                     const RowBounds& bounds, const RowBounds& step) {
    int transactions = 0;
    for (; !database.pending_rollups.empty() && transactions < 20'000; ++transactions) {
      std::vector<PartitionCommit> commits;
      std::vector<RollUp::PartitionBatch> batches;
      for (const tally::LedgerRow& ledger : ledgers) {
        RollUp::PartitionBatch batch{ledger.partition,
                                     store.store().find_pending_rollups(ledger.partition).value()};
        if (batch.minutes.empty()) continue;
        commits.push_back({.generation = 1, .before = ledger, .after = ledger});
        batches.push_back(std::move(batch));
      }
      Transaction transaction(std::move(commits), std::make_unique<RollUp>(std::move(batches), bounds, step),
                              now);
      store.run(transaction, 12 * step.rows + 12);
      for (const PartitionCommit& entry : transaction.commits())
        ledgers[static_cast<std::size_t>(entry.partition())] = entry.after;
    }
    return transactions;
  }

  inline static std::int64_t windows_opened = 0;
};

TEST_F(Steps, WriteTheSameRowsInAnySize) {
  constexpr RowBounds all{.rows = 100'000, .bytes = 64 * limits::MiB};
  for (const std::uint64_t seed : {1U, 2U}) {
    FakeDatabase whole;
    WatchedStore at_once(whole);
    std::vector<tally::LedgerRow> ledgers;
    open(at_once.store(), ledgers);
    windows_opened = 0;
    EXPECT_EQ(flush(at_once, ledgers, seed, all), 2 * 4) << "begin, read, write, commit";
    const std::int64_t opened = windows_opened;
    const Windows flushed = windows_of(whole);
    EXPECT_EQ(roll_up(at_once, whole, ledgers, all, all), 1);
    const Windows rolled_up = windows_of(whole);

    struct Case {
      RowBounds step;
      RowBounds transaction;
    };
    for (const Case& small : {Case{{.rows = 300, .bytes = 100'000}, {.rows = 1000, .bytes = 1'000'000}},
                              Case{{.rows = 17, .bytes = 3000}, {.rows = 100, .bytes = 10'000}},
                              Case{{.rows = 64, .bytes = 1}, {.rows = 1, .bytes = 1}}}) {
      FakeDatabase database;
      WatchedStore store(database);
      ledgers.clear();
      open(store.store(), ledgers);
      windows_opened = 0;
      EXPECT_GT(flush(store, ledgers, seed, small.step), 2 * 4);
      EXPECT_EQ(windows_opened, opened);
      EXPECT_EQ(windows_of(database), flushed);
      EXPECT_GT(roll_up(store, database, ledgers, small.transaction, small.step), 1);
      EXPECT_EQ(windows_of(database), rolled_up) << "seed " << seed << ", steps of " << small.step.rows;
    }
  }
}

TEST_F(Steps, StartAgainFromTheFirstWhenTheTransactionIsRepeated) {
  FakeDatabase database;
  WatchedStore store(database);
  std::vector<tally::LedgerRow> ledgers;
  open(store.store(), ledgers);
  std::vector<PendingBatch> gathered = parts(1);
  std::vector<Flush::PartitionBatch> batches;
  const PartitionCommit entry{
      .generation = 1, .before = ledgers[0], .after = gathered[0].added_to(ledgers[0])};
  batches.push_back({0, std::move(gathered[0])});
  Transaction transaction(
      {entry},
      std::make_unique<Flush>(std::move(batches), Flush::Pruning{}, FakeMetricsStore::topic,
                              RowBounds{.rows = 100, .bytes = limits::MiB}),
      now);
  int writes = 0;
  database.faults = [&](StoreStep step) {
    return step == StoreStep::write && ++writes == 3 ? Fault::refused : Fault::none;
  };
  run_to_end(transaction, store.store());
  ASSERT_TRUE(transaction.failure());
  EXPECT_TRUE(database.windows.empty());
  transaction.run_again(now);
  store.run(transaction, 500);
  const Windows again = windows_of(database);

  FakeDatabase at_once;
  WatchedStore other(at_once);
  std::vector<tally::LedgerRow> fresh;
  open(other.store(), fresh);
  gathered = parts(1);
  batches.clear();
  batches.push_back({0, std::move(gathered[0])});
  Transaction whole(
      {entry}, std::make_unique<Flush>(std::move(batches), Flush::Pruning{}, FakeMetricsStore::topic), now);
  other.run(whole, 100'000);
  EXPECT_EQ(again, windows_of(at_once));
}

}  // namespace
}  // namespace weir::commit
