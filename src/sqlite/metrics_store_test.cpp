#include "sqlite/metrics_store.hpp"

#include <fstream>

#include "commit/testing/metrics_store_contract.hpp"
#include "sqlite/metrics_reader.hpp"
#include "sqlite/store_sql.hpp"
#include "sqlite/testing/store_fixture.hpp"

namespace weir::commit {
namespace {

class SqliteStoreFixture final : public StoreFixture {
 public:
  std::unique_ptr<MetricsStore> session(const std::string& group) override {
    return sqlite::SqliteMetricsStore::open(sqlite::store_options(folder_, group)).value();
  }
  StoreContents contents() override { return sqlite::read_all_tables(folder_); }

 private:
  sqlite::TestFolder folder_;
};

std::unique_ptr<StoreFixture> make_sqlite_fixture() { return std::make_unique<SqliteStoreFixture>(); }

INSTANTIATE_TEST_SUITE_P(Sqlite, MetricsStoreContract, testing::Values(&make_sqlite_fixture));

}  // namespace
}  // namespace weir::commit

namespace weir::sqlite {
namespace {

using commit::store_contract::fence_of;
using commit::store_contract::minute;
using commit::store_contract::moved_on;
using commit::store_contract::total;
using commit::store_contract::written;
using tally::Granularity;

// A store on a file of its own.
class MetricsStore : public testing::Test {
 protected:
  std::unique_ptr<SqliteMetricsStore> open() {
    auto opened = SqliteMetricsStore::open(store_options(folder_));
    EXPECT_TRUE(opened.has_value()) << opened.error().text;
    return opened ? std::move(*opened) : nullptr;
  }

  // Expects that the file is refused with a text that names it.
  void expect_refused(std::string_view because) {
    auto refused = SqliteMetricsStore::open(store_options(folder_));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, because) << refused.error().text;
    EXPECT_NE(refused.error().text.find("metrics.db"), std::string::npos) << refused.error().text;
  }

  // One minute of one event.
  static tally::LedgerRow flush(SqliteMetricsStore& store, const tally::LedgerRow& before, int number) {
    EXPECT_EQ(store.begin(std::array{fence_of(before)}).value().size(), 1U);
    const tally::LedgerRow after = moved_on(before, 1);
    EXPECT_TRUE(store
                    .write({.written_at = written,
                            .windows = {total(Granularity::minute, minute(number), 1)},
                            .ledgers = {after}})
                    .has_value());
    EXPECT_EQ(store.commit().status, commit::CommitStatus::committed);
    return after;
  }

  std::string text(const std::string& sql) {
    Database database = open_database(folder_);
    return first_text(database, sql);
  }

  TestFolder folder_;
};

// A person changed the table of a running service.
TEST_F(MetricsStore, Fault30NamesWhatAPersonChangedAndWorksAgainAfterwards) {
  struct Case {
    std::string_view spoil;
    std::string_view undo;
    std::string_view code;
    std::string_view named;
  };
  const std::array cases{
      Case{"CREATE TRIGGER no_more BEFORE INSERT ON activity_windows BEGIN SELECT raise(ABORT, 'no more'); "
           "END",
           "DROP TRIGGER no_more", code_tables_differ, "no more"},
      Case{"UPDATE activity_ledger SET observed_at = 'yesterday'",
           "UPDATE activity_ledger SET observed_at = updated_at", "moment_unreadable", "yesterday"},
  };
  auto store = open();
  const auto attempt = [&]() -> std::optional<Error> {
    auto row = store->open_ledger(0, 0, written);
    if (!row) return row.error();
    if (auto held = store->begin(std::array{fence_of(*row)}); !held) return held.error();
    auto wrote = store->write({.written_at = written,
                               .windows = {total(Granularity::minute, minute(0), 1)},
                               .ledgers = {moved_on(*row, 1)}});
    if (wrote && store->commit().status == commit::CommitStatus::committed) return std::nullopt;
    return wrote ? Error{} : wrote.error();
  };
  ASSERT_FALSE(attempt());
  for (const Case& each : cases) {
    auto person = Database::open(metrics_store_path(folder_.path()), {.kind = metrics_store_file});
    ASSERT_TRUE(person->run(each.spoil).has_value());
    const std::optional<Error> why = attempt();
    ASSERT_TRUE(why) << each.spoil;
    EXPECT_EQ(why->kind, ErrorKind::invalid) << why->text;
    EXPECT_EQ(why->code, each.code);
    EXPECT_NE(why->text.find(each.named), std::string::npos) << why->text;
    ASSERT_TRUE(person->run(each.undo).has_value());
    EXPECT_FALSE(attempt());
  }
}

TEST_F(MetricsStore, WritesMomentsAsUtcText) {
  auto store = open();
  tally::LedgerRow ledger = moved_on(store->open_ledger(0, 0, written).value(), 1);
  ledger.observed = {9, written - std::chrono::milliseconds{23}, written};
  ASSERT_TRUE(store->begin(std::array{commit::Fence{0, 0, 0}}).has_value());
  ASSERT_TRUE(store
                  ->write({.written_at = written,
                           .dead_letters = {{.partition = 0, .offset = 0, .at = written}},
                           .flush = commit::FlushRow{written, 1, 1},
                           .ledgers = {ledger}})
                  .has_value());
  ASSERT_EQ(store->commit().status, commit::CommitStatus::committed);
  const std::string moment = "2025-11-24T16:00:00.123Z";
  EXPECT_EQ(text("SELECT timestamp FROM user_activity_metrics"), moment);
  EXPECT_EQ(text("SELECT created_at FROM user_activity_metrics"), moment);
  EXPECT_EQ(text("SELECT at FROM activity_dead_letters"), moment);
  EXPECT_EQ(text("SELECT observed_at FROM activity_ledger"), moment);
  EXPECT_EQ(text("SELECT updated_at FROM activity_ledger"), moment);
  EXPECT_EQ(text("SELECT oldest_unread_at FROM activity_ledger"), "2025-11-24T16:00:00.100Z");
  EXPECT_EQ(text("SELECT pruned_to FROM activity_horizon"), "1970-01-01T00:00:00.000Z");
}

TEST_F(MetricsStore, KeepsItsNumbersWhenItIsOpenedAgain) {
  auto store = open();
  const tally::LedgerRow ledger = flush(*store, store->open_ledger(0, 0, written).value(), 0);
  store.reset();
  store = open();
  EXPECT_EQ(store->open_ledger(0, 0, written).value(), ledger);
}

TEST_F(MetricsStore, KeepsTopicsApart) {
  auto store = open();
  flush(*store, store->open_ledger(0, 0, written).value(), 0);
  MetricsStoreOptions other = store_options(folder_, "another-group");
  other.topic = "another-topic";
  auto second = SqliteMetricsStore::open(other).value();
  const tally::LedgerRow ledger = second->open_ledger(0, 7, written).value();
  EXPECT_EQ(ledger.next_offset, 7);
  ASSERT_TRUE(second->begin(std::array{fence_of(ledger)}).has_value());
  EXPECT_TRUE(
      second->read_windows(std::array{total(Granularity::minute, minute(0), 1).key}, limits::step_bytes_max)
          .value()
          ->empty());
  EXPECT_TRUE(second->read_pending_rows(0, std::array{minute(0)}, {}).value().rows.empty());
}

TEST_F(MetricsStore, IsUnavailableWhileAnotherSessionWrites) {
  MetricsStoreOptions impatient = store_options(folder_);
  impatient.busy_timeout = std::chrono::milliseconds{0};
  auto store = open();
  auto other = SqliteMetricsStore::open(impatient).value();
  const tally::LedgerRow ledger = store->open_ledger(0, 0, written).value();
  ASSERT_TRUE(store->begin(std::array{fence_of(ledger)}).has_value());
  auto busy = other->begin(std::array{fence_of(ledger)});
  ASSERT_FALSE(busy.has_value());
  EXPECT_EQ(busy.error().kind, ErrorKind::unavailable);
  store->rollback();
  EXPECT_EQ(other->begin(std::array{fence_of(ledger)}).value().size(), 1U);
}

TEST_F(MetricsStore, ReportsACompleteCheckpoint) {
  auto store = open();
  flush(*store, store->open_ledger(0, 0, written).value(), 0);
  EXPECT_EQ(store->checkpoint().value(), true);
  EXPECT_EQ(store->checkpoint().value(), true);  // nothing to do
}

TEST_F(MetricsStore, ReportsACheckpointThatAnOldSnapshotHoldsUp) {
  auto store = open();
  const tally::LedgerRow ledger = flush(*store, store->open_ledger(0, 0, written).value(), 0);
  auto reader = SqliteMetricsReader::open({.data_dir = folder_.path(), .topic = test_topic}).value();
  auto snapshot = reader->snapshot().value();
  flush(*store, ledger, 1);
  EXPECT_EQ(store->checkpoint().value(), false);
  snapshot.reset();
  EXPECT_EQ(store->checkpoint().value(), true);
}

TEST_F(MetricsStore, RefusesAFileThatIsNoDatabase) {
  std::ofstream(metrics_store_path(folder_.path())) << std::string(8192, 'x');
  expect_refused(code_not_a_database);
}

TEST_F(MetricsStore, RefusesTheFileOfTheLog) {
  const auto path = metrics_store_path(folder_.path());
  ASSERT_TRUE(
      Database::open(path, {.kind = event_log_file, .mode = OpenMode::create_or_migrate}).has_value());
  expect_refused(code_foreign);
}

TEST_F(MetricsStore, RefusesAFileOfANewerWeir) {
  open();
  ASSERT_TRUE(open_database(folder_).run("PRAGMA user_version = 99").has_value());
  expect_refused(code_newer);
}

TEST_F(MetricsStore, RefusesTablesThatAPersonChanged) {
  open();
  ASSERT_TRUE(open_database(folder_)
                  .run("ALTER TABLE activity_dead_letters RENAME COLUMN detail TO details")
                  .has_value());
  auto refused = SqliteMetricsStore::open(store_options(folder_));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  EXPECT_NE(refused.error().text.find("detail"), std::string::npos) << refused.error().text;
}

TEST_F(MetricsStore, FindsEveryRowByAnIndex) {
  open();
  Database database = open_database(folder_);
  for (const NamedSql* const each : store_sql::all()) {
    // These read the oldest rows, and all rows of an index of few.
    if (each == &store_sql::prune_flushes || each == &store_sql::failed_replays) continue;
    const std::string& sql = each->sql;
    for_each_row(database, "EXPLAIN QUERY PLAN " + sql, [&](const Statement& row) {
      EXPECT_NE(row.text(3).substr(0, 5), "SCAN ") << sql;
      EXPECT_EQ(row.text(3).find("TEMP B-TREE"), std::string_view::npos) << sql;
      const bool windows =
          row.text(3).starts_with("SEARCH activity_windows") || row.text(3).starts_with("SEARCH other");
      if (windows) {
        EXPECT_NE(row.text(3).find("window_start=? AND topic=? AND partition=?"), std::string_view::npos)
            << row.text(3);
      }
    });
  }
}

}  // namespace
}  // namespace weir::sqlite
