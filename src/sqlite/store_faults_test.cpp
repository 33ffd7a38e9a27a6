// The disk fails at the n-th call of the store, for n = 1, 2, 3…. Each time the file has only whole
// transactions, and all of those that were reported as committed.
#include <array>

#include "sqlite/metrics_store.hpp"
#include "sqlite/testing/fake_vfs.hpp"
#include "sqlite/testing/store_fixture.hpp"

namespace weir::sqlite {
namespace {

using commit::CommitStatus;
using commit::store_contract::fence_of;
using commit::store_contract::minute;
using commit::store_contract::moved_on;
using commit::store_contract::total;
using commit::store_contract::written;
using tally::Granularity;
using Call = FakeVfs::Call;

// Eight transactions and two checkpoints. Each flush counts one event in a minute of its own, with a sketch
// of several pages. Every second one also rolls up the minute before it into its day.
class Script {
 public:
  explicit Script(SqliteMetricsStore& store) : store_(store) {}

  // Ends after a failed fsync, or at its end. After another error a transaction is tried once again.
  void run() {
    for (int step = 0; step < 8 && !broken_; ++step) {
      if (!attempt(step)) attempt(step);
      if (step % 4 == 3 && !broken_) succeeds(store_.checkpoint());
    }
  }

  [[nodiscard]] int committed() const { return committed_; }
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  bool attempt(int step) {
    if (broken_) return true;
    auto before = store_.open_ledger(0, 0, written);
    if (!succeeds(before)) return false;
    if (before->next_offset > step) return true;  // an unknown commit that was written
    auto held = store_.begin(std::array{fence_of(*before)});
    if (!succeeds(held)) return false;
    EXPECT_EQ(held->size(), 1U);
    if (!succeeds(store_.write(changes(step, *before)))) return false;
    const commit::CommitOutcome outcome = store_.commit();
    if (outcome.status == CommitStatus::committed) return ++committed_, true;
    EXPECT_EQ(outcome.status, CommitStatus::unknown);
    check_error(outcome.why);
    return false;
  }

  // Odd steps also roll up the minute of the step before.
  static commit::Changes changes(int step, const tally::LedgerRow& before) {
    commit::Changes made{.written_at = written, .ledgers = {moved_on(before, 1)}};
    tally::WindowRow row = total(Granularity::minute, minute(step), 1);
    row.users = std::string(6'000, 'u');
    made.windows.push_back(row);
    made.pending_rollups.push_back({0, minute(step)});
    made.flush = commit::FlushRow{written, 1, 1};
    if (step % 2 == 0) return made;
    tally::WindowRow rolled = total(Granularity::minute, minute(step - 1), 1);
    rolled.rolled_events = 1;
    made.windows.push_back(rolled);
    made.windows.push_back(
        total(Granularity::day, tally::window_of(Granularity::day, minute(0)), step / 2 + 1));
    made.rolled_up.push_back({0, minute(step - 1)});
    return made;
  }

  template <class T>
  bool succeeds(const Result<T>& result) {
    if (!result) check_error(result.error());
    return result.has_value();
  }

  void check_error(const Error& why) {
    if (why.code == code_fsync_failed) {
      EXPECT_EQ(why.kind, ErrorKind::internal);
      broken_ = true;
    } else {
      EXPECT_EQ(why.kind, ErrorKind::unavailable) << why.code << ": " << why.text;
    }
  }

  SqliteMetricsStore& store_;
  int committed_ = 0;
  bool broken_ = false;
};

struct Case {
  const char* name;
  Call call;
  bool no_space;
};

class StoreFaults : public testing::TestWithParam<Case> {
 protected:
  // Runs the script with the fault at the nth call. False: there was no such call.
  bool run_with_fault(int nth) {
    const TestFolder folder;
    FakeVfs disk;
    int committed = 0;
    bool broken = false;
    {
      MetricsStoreOptions options = store_options(folder);
      options.vfs = disk.name();
      auto store = SqliteMetricsStore::open(options).value();
      disk.inject({.call = GetParam().call, .nth = nth, .no_space = GetParam().no_space});
      Script script(*store);
      script.run();
      committed = script.committed();
      broken = script.broken();
    }
    const bool fired = disk.fired();
    disk.clear_fault();
    expect_whole_transactions(folder, committed, broken);
    return fired;
  }

  static void expect_whole_transactions(const TestFolder& folder, int committed, bool broken) {
    Database database = open_database(folder);
    EXPECT_EQ(first_text(database, "PRAGMA integrity_check"), "ok");
    const std::int64_t tallied = database.number("SELECT tallied FROM activity_ledger").value();
    EXPECT_GE(tallied, committed);
    if (!broken) {
      EXPECT_EQ(tallied, 8) << "it goes on after the fault";
    }
    EXPECT_EQ(database.number("SELECT sum(events) FROM activity_days").value(), tallied);
    EXPECT_EQ(database.number("SELECT sum(events) FROM activity_minutes").value(), tallied);
    EXPECT_EQ(database.number("SELECT count(*) FROM user_activity_metrics").value(), tallied);
  }
};

TEST_P(StoreFaults, Fault31LeavesOnlyWholeTransactions) {
  int nth = 1;
  while (run_with_fault(nth) && !HasFailure()) ++nth;
  EXPECT_FALSE(HasFailure()) << "with the fault at call " << nth;
  EXPECT_GT(nth, 1) << "no such call was ever made";
}

TEST_P(StoreFaults, Fault31LeaveAFileThatOpensNextTime) {
  for (int nth = 1;; ++nth) {
    const TestFolder folder;
    FakeVfs disk;
    MetricsStoreOptions options = store_options(folder);
    options.vfs = disk.name();
    disk.inject({.call = GetParam().call, .nth = nth, .no_space = GetParam().no_space});
    auto made = SqliteMetricsStore::open(options);
    const bool fired = disk.fired();
    if (made) made->reset();
    disk.clear_fault();
    auto next_time = SqliteMetricsStore::open(options);
    ASSERT_TRUE(next_time.has_value()) << next_time.error().text << " after a fault at call " << nth;
    if (!fired) break;
  }
}

INSTANTIATE_TEST_SUITE_P(Disk, StoreFaults,
                         testing::Values(Case{"WriteFails", Call::write, false},
                                         Case{"WriteFindsNoRoom", Call::write, true},
                                         Case{"SyncFails", Call::sync, false}),
                         [](const auto& of) { return std::string(of.param.name); });

}  // namespace
}  // namespace weir::sqlite
