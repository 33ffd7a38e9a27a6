// The disk fails at each call that the store makes, one after the other: whatever comes of it, only whole
// transactions stand, and everything that was said to be committed does.
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

// A writer's life in eight transactions and two checkpoints: each flush counts one event in a minute of its
// own with a sketch of many pages, then the minutes are rolled up into their day one by one.
class Life {
 public:
  explicit Life(SqliteMetricsStore& store) : store_(store) {}

  // Ends at the first failed fsync, else when all is done. Other errors are tried again once.
  void live() {
    for (int step = 0; step < 8 && !broken_; ++step) {
      if (!attempt(step)) attempt(step);
      if (step % 4 == 3 && !broken_) note(store_.checkpoint());
    }
  }

  [[nodiscard]] int committed() const { return committed_; }
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  bool attempt(int step) {
    if (broken_) return true;
    auto before = store_.open_ledger(0, 0, written);
    if (!note(before)) return false;
    if (before->next_offset > step) return true;  // an unknown commit that was one
    auto held = store_.begin(std::array{fence_of(*before)});
    if (!note(held)) return false;
    EXPECT_EQ(held->size(), 1U);
    if (!note(store_.write(changes(step, *before)))) return false;
    const commit::CommitOutcome answer = store_.commit();
    if (answer.status == CommitStatus::committed) return ++committed_, true;
    EXPECT_EQ(answer.status, CommitStatus::unknown);
    heed(answer.why);
    return false;
  }

  // Odd steps roll up what the step before has flushed, and flush an event of their own.
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
  bool note(const Result<T>& result) {
    if (!result) heed(result.error());
    return result.has_value();
  }

  void heed(const Error& why) {
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
  // Lives one life with the fault at the nth call. False: it never came to that call.
  bool live_with_fault(int nth) {
    const TestFolder folder;
    FakeVfs disk;
    int committed = 0;
    bool broken = false;
    {
      MetricsStoreOptions options = store_options(folder);
      options.vfs = disk.name();
      auto store = SqliteMetricsStore::open(options).value();
      disk.inject({.call = GetParam().call, .nth = nth, .no_space = GetParam().no_space});
      Life life(*store);
      life.live();
      committed = life.committed();
      broken = life.broken();
    }
    const bool fired = disk.fired();
    disk.mend();
    expect_whole_transactions(folder, committed, broken);
    return fired;
  }

  static void expect_whole_transactions(const TestFolder& folder, int committed, bool broken) {
    Database database = look_into(folder);
    EXPECT_EQ(first_text(database, "PRAGMA integrity_check"), "ok");
    const std::int64_t tallied = database.number("SELECT tallied FROM activity_ledger").value();
    EXPECT_GE(tallied, committed);
    if (!broken) {
      EXPECT_EQ(tallied, 8) << "it goes on by itself";
    }
    EXPECT_EQ(database.number("SELECT sum(events) FROM activity_days").value(), tallied);
    EXPECT_EQ(database.number("SELECT sum(events) FROM activity_minutes").value(), tallied);
    EXPECT_EQ(database.number("SELECT count(*) FROM user_activity_metrics").value(), tallied);
  }
};

TEST_P(StoreFaults, Fault31LeavesOnlyWholeTransactions) {
  int nth = 1;
  while (live_with_fault(nth) && !HasFailure()) ++nth;
  EXPECT_FALSE(HasFailure()) << "with the fault at call " << nth;
  EXPECT_GT(nth, 1) << "no such call was ever made";
}

TEST_P(StoreFaults, Fault31LeaveAFileThatCanBeMadeOrOpenedNextTime) {
  for (int nth = 1;; ++nth) {
    const TestFolder folder;
    FakeVfs disk;
    MetricsStoreOptions options = store_options(folder);
    options.vfs = disk.name();
    disk.inject({.call = GetParam().call, .nth = nth, .no_space = GetParam().no_space});
    auto made = SqliteMetricsStore::open(options);
    const bool fired = disk.fired();
    if (made) made->reset();
    disk.mend();
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
